#include "failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int fill(struct failure *failure, const char *class, const char *code, int number, const char *format,
		va_list arguments)
{
	failure->class = class;
	failure->code = code;
	failure->number = number;
	vsnprintf(failure->message, sizeof failure->message, format, arguments);
	size_t used = strlen(failure->message);
	if (number != 0)
		snprintf(failure->message + used, sizeof failure->message - used, ": %s", strerror(number));
	return -1;
}

int fail(struct failure *failure, const char *code, int number, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(failure, "internal", code, number, format, arguments);
	va_end(arguments);
	return -1;
}

int fail_as(struct failure *failure, const char *class, const char *code, int number, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fill(failure, class, code, number, format, arguments);
	va_end(arguments);
	return -1;
}

/* What went wrong, in a form that crosses the wire as a DuetError. */
#ifndef DUET_FAILURE_H
#define DUET_FAILURE_H

struct failure {
	const char *class; /* a DuetError class; NULL means internal */
	const char *code;  /* a DuetError code; a literal */
	int number;        /* errno, or 0 */
	char message[1024];
};

/* Fills `failure` (with strerror appended where `number` is not 0) and returns -1. */
int fail(struct failure *failure, const char *code, int number, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The same with a class other than internal. */
int fail_as(struct failure *failure, const char *class, const char *code, int number, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif

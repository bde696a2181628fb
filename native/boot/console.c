#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "boot.h"

/* A console that takes nothing for this long is not waited for again until it does. */
enum { STUCK_AFTER = 2000 };

int consoles[CONSOLES] = {-1, -1};
static bool stuck[CONSOLES];

/* The terminal of the command translates; a console passes on what it gets. */
static int open_console(const char *path)
{
	struct termios settings;
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -1;
	/* A serial port that is not there has a device all the same. */
	if (tcgetattr(fd, &settings) < 0) {
		close(fd);
		return -1;
	}
	cfmakeraw(&settings);
	settings.c_cflag |= CLOCAL | CREAD;
	tcsetattr(fd, TCSANOW, &settings);
	return fd;
}

void console_open(void)
{
	consoles[0] = open_console("/dev/tty1");
	consoles[1] = open_console("/dev/ttyS0");
}

static void write_one(int number, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(consoles[number], data, size);
		if (written > 0) {
			data += written;
			size -= (size_t)written;
			stuck[number] = false;
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written == 0 || errno != EAGAIN) {
			close(consoles[number]);
			consoles[number] = -1;
			return;
		}
		struct pollfd ready = {.fd = consoles[number], .events = POLLOUT};
		if (stuck[number] || poll(&ready, 1, STUCK_AFTER) <= 0) {
			stuck[number] = true;
			return;
		}
	}
}

void console_write(const uint8_t *data, size_t size)
{
	for (int i = 0; i < CONSOLES; i++)
		if (consoles[i] >= 0)
			write_one(i, data, size);
}

void say(const char *format, ...)
{
	char line[1200] = "duet: ";
	va_list values;
	va_start(values, format);
	int size = vsnprintf(line + 6, sizeof line - 10, format, values);
	va_end(values);
	if (size < 0)
		return;
	size_t length = strlen(line);
	line[length++] = '\r';
	line[length++] = '\n';
	if (consoles[0] < 0 && consoles[1] < 0) {
		if (write(STDERR_FILENO, line, length) < 0)
			return;
	}
	console_write((const uint8_t *)line, length);
}

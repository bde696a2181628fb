#include "jsonlog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_LIMIT = 16384,
	BATCH_SIZE = 16384,
	ESCAPE_SIZE = 8,
	TIME_SIZE = 40,
	FRACTION_DIGITS = 9,
};

struct line {
	uint8_t *data; /* LINE_LIMIT bytes, allocated at first use */
	size_t size;
};

struct jsonlog {
	int fd;
	char *path;
	uint64_t size;
	uint64_t maximum_size;
	uint64_t maximum_files;
	struct line lines[2];
	/* The last second that was told, and how. */
	time_t second;
	size_t stamp_size;
	char stamp[24];
	size_t batched;
	char batch[BATCH_SIZE];
};

static int open_file(struct jsonlog *log, int flags)
{
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	struct stat stat;
	log->size = log->fd >= 0 && fstat(log->fd, &stat) == 0 ? (uint64_t)stat.st_size : 0;
	return log->fd < 0 ? -1 : 0;
}

struct jsonlog *jsonlog_open(const char *path, uint64_t maximum_size, uint64_t maximum_files, struct failure *failure)
{
	struct jsonlog *log = calloc(1, sizeof *log);
	if (log == NULL || (log->path = strdup(path)) == NULL) {
		free(log);
		fail(failure, "LOG_FAILED", ENOMEM, "cannot open the log %s", path);
		return NULL;
	}
	log->maximum_size = maximum_size;
	log->maximum_files = maximum_files < 1 ? 1 : maximum_files > 1000 ? 1000 : maximum_files;
	if (open_file(log, 0) < 0) {
		fail(failure, "LOG_FAILED", errno, "cannot open the log %s", path);
		free(log->path);
		free(log);
		return NULL;
	}
	return log;
}

static void flush(struct jsonlog *log)
{
	for (size_t written = 0; written < log->batched && log->fd >= 0;) {
		ssize_t result = write(log->fd, log->batch + written, log->batched - written);
		if (result < 0 && errno == EINTR)
			continue;
		if (result < 0)
			break;
		written += (size_t)result;
		log->size += (uint64_t)result;
	}
	log->batched = 0;
}

static void shift(const struct jsonlog *log, uint64_t number)
{
	size_t size = strlen(log->path) + 24;
	char *from = malloc(size);
	char *to = malloc(size);
	if (from != NULL && to != NULL) {
		if (number == 0)
			snprintf(from, size, "%s", log->path);
		else
			snprintf(from, size, "%s.%llu", log->path, (unsigned long long)number);
		snprintf(to, size, "%s.%llu", log->path, (unsigned long long)number + 1);
		rename(from, to);
	}
	free(from);
	free(to);
}

static void rotate(struct jsonlog *log)
{
	int old = log->fd;
	/* Who compresses what was rotated holds the same lock while it puts a file in its place. */
	while (flock(old, LOCK_EX) < 0 && errno == EINTR)
		;
	/* The rename onto the last number drops the oldest file. */
	for (uint64_t number = log->maximum_files - 1; number > 0; number--)
		shift(log, number - 1);
	open_file(log, O_TRUNC);
	close(old);
}

static void append(struct jsonlog *log, const char *data, size_t size)
{
	if (log->batched + size > BATCH_SIZE)
		flush(log);
	memcpy(log->batch + log->batched, data, size);
	log->batched += size;
}

/* Length of the well-formed UTF-8 sequence at `data`, or 0. */
static size_t utf8_length(const uint8_t *data, size_t size)
{
	uint8_t first = data[0];
	size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
	if (length == 0 || length > size)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((data[i] & 0xc0) != 0x80)
			return 0;
	}
	if (length == 3 && ((first == 0xe0 && data[1] < 0xa0) || (first == 0xed && data[1] > 0x9f)))
		return 0;
	if (length == 4 && ((first == 0xf0 && data[1] < 0x90) || (first == 0xf4 && data[1] > 0x8f)))
		return 0;
	return length;
}

static size_t unicode_escape(unsigned value, char out[ESCAPE_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	const char escape[] = { '\\', 'u', digits[value >> 12 & 15], digits[value >> 8 & 15], digits[value >> 4 & 15],
				digits[value & 15] };
	memcpy(out, escape, sizeof escape);
	return sizeof escape;
}

static size_t short_escape(char letter, char out[ESCAPE_SIZE])
{
	out[0] = '\\';
	out[1] = letter;
	return 2;
}

/* Escapes as Docker does; gives how many bytes of the input it stands for. */
static size_t escape(const uint8_t *data, size_t size, char out[ESCAPE_SIZE], size_t *written)
{
	size_t length = utf8_length(data, size);
	uint8_t byte = data[0];
	if (length == 0) {
		*written = unicode_escape(0xfffd, out);
		return 1;
	}
	if (length == 3 && byte == 0xe2 && data[1] == 0x80 && (data[2] & ~1) == 0xa8) {
		*written = unicode_escape(0x2000 + (data[2] & 0x3fu), out);
		return 3;
	}
	if (byte == '"' || byte == '\\')
		*written = short_escape((char)byte, out);
	else if (byte == '\n' || byte == '\r')
		*written = short_escape(byte == '\n' ? 'n' : 'r', out);
	else if (byte < 0x20 || byte == '<' || byte == '>' || byte == '&')
		*written = unicode_escape(byte, out);
	else {
		memcpy(out, data, length);
		*written = length;
	}
	return length;
}

/* RFC3339Nano: trailing zeros of the fraction are left out. Gives the length. */
static size_t format_time(struct jsonlog *log, char out[TIME_SIZE])
{
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	if (time.tv_sec != log->second || log->stamp[0] == 0) {
		struct tm parts;
		gmtime_r(&time.tv_sec, &parts);
		log->stamp_size = strftime(log->stamp, sizeof log->stamp, "%Y-%m-%dT%H:%M:%S.", &parts);
		log->second = time.tv_sec;
	}
	memcpy(out, log->stamp, log->stamp_size);
	size_t used = log->stamp_size + FRACTION_DIGITS;
	long rest = time.tv_nsec;
	for (size_t digit = used; digit > log->stamp_size; digit--) {
		out[digit - 1] = (char)('0' + rest % 10);
		rest /= 10;
	}
	while (out[used - 1] == '0')
		used--;
	if (out[used - 1] == '.')
		used--;
	out[used++] = 'Z';
	return used;
}

/* Bytes that stand for themselves; what programs print is mostly these. */
static bool is_plain(uint8_t byte)
{
	return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\' && byte != '<' && byte != '>' && byte != '&';
}

static void append_escaped(struct jsonlog *log, const uint8_t *data, size_t size)
{
	while (size > 0) {
		size_t taken = 0;
		while (taken < size && is_plain(data[taken]))
			taken++;
		append(log, (const char *)data, taken);
		if (taken < size) {
			char out[ESCAPE_SIZE];
			size_t written;
			taken += escape(data + taken, size - taken, out, &written);
			append(log, out, written);
		}
		data += taken;
		size -= taken;
	}
}

static void write_line(struct jsonlog *log, int stream, const uint8_t *data, size_t size)
{
	if (log->maximum_size > 0 && log->size + log->batched >= log->maximum_size) {
		flush(log);
		rotate(log);
	}
	append(log, "{\"log\":\"", 8);
	append_escaped(log, data, size);
	if (stream == JSONLOG_STDERR)
		append(log, "\",\"stream\":\"stderr\",\"time\":\"", 28);
	else
		append(log, "\",\"stream\":\"stdout\",\"time\":\"", 28);
	char time[TIME_SIZE];
	append(log, time, format_time(log, time));
	append(log, "\"}\n", 3);
}

static void keep(struct jsonlog *log, int stream, const uint8_t *data, size_t size)
{
	struct line *line = &log->lines[stream];
	if (line->data == NULL && (line->data = malloc(LINE_LIMIT)) == NULL)
		return;
	memcpy(line->data + line->size, data, size);
	line->size += size;
}

void jsonlog_write(struct jsonlog *log, int stream, const uint8_t *data, size_t size)
{
	struct line *line = &log->lines[stream];
	while (size > 0) {
		size_t room = LINE_LIMIT - line->size;
		size_t span = size < room ? size : room;
		const uint8_t *newline = memchr(data, '\n', span);
		size_t taken = newline == NULL ? span : (size_t)(newline - data) + 1;
		bool whole = newline != NULL || taken == room;
		if (whole && line->size == 0) {
			write_line(log, stream, data, taken);
		} else {
			keep(log, stream, data, taken);
			if (whole) {
				write_line(log, stream, line->data, line->size);
				line->size = 0;
			}
		}
		data += taken;
		size -= taken;
	}
	flush(log);
}

void jsonlog_finish(struct jsonlog *log)
{
	for (int stream = 0; stream < 2; stream++) {
		struct line *line = &log->lines[stream];
		if (line->size > 0)
			write_line(log, stream, line->data, line->size);
		line->size = 0;
	}
	flush(log);
}

void jsonlog_close(struct jsonlog *log)
{
	if (log == NULL)
		return;
	jsonlog_finish(log);
	if (log->fd >= 0)
		close(log->fd);
	free(log->lines[0].data);
	free(log->lines[1].data);
	free(log->path);
	free(log);
}

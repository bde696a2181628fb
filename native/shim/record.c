#include "record.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol.h"

/* JSON of any text: what is not plain ASCII becomes an escape of its byte. */
static void escape(const char *text, char *out, size_t size)
{
	size_t used = 0;
	for (; *text != 0 && used + 7 < size; text++) {
		unsigned char byte = (unsigned char)*text;
		if (byte < 0x20 || byte == '"' || byte == '\\' || byte > 0x7e)
			used += (size_t)snprintf(out + used, size - used, "\\u%04x", byte);
		else
			out[used++] = (char)byte;
	}
	out[used] = 0;
}

static int write_whole(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t written = write(fd, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno;
		data += written;
		size -= (size_t)written;
	}
	return fsync(fd) < 0 ? errno : 0;
}

static int sync_folder(const char *path)
{
	char *copy = strdup(path);
	if (copy == NULL)
		return ENOMEM;
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int number = fd < 0 || fsync(fd) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	free(copy);
	return number;
}

int record_write(const char *path, const struct exit_record *record)
{
	char error[3200], text[3600], temporary[4096];
	escape(record->error, error, sizeof error);
	int size = snprintf(text, sizeof text, "{\"code\":%d,\"outOfMemory\":%s,\"exitedAt\":%" PRId64 "%s%s%s}\n",
			    record->code, record->out_of_memory ? "true" : "false", record->exited_at,
			    error[0] == 0 ? "" : ",\"error\":\"", error, error[0] == 0 ? "" : "\"");
	if (snprintf(temporary, sizeof temporary, "%s.tmp", path) >= (int)sizeof temporary)
		return ENAMETOOLONG;
	unlink(temporary);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return errno;
	int number = write_whole(fd, text, (size_t)size);
	close(fd);
	/* link, not rename: the first record wins. */
	if (number == 0 && link(temporary, path) < 0 && errno != EEXIST)
		number = errno;
	unlink(temporary);
	return number == 0 ? sync_folder(path) : number;
}

void record_fields(struct writer *writer, const struct exit_record *record)
{
	write_number(writer, TAG_EXIT_CODE, (uint64_t)record->code);
	write_number(writer, TAG_OUT_OF_MEMORY, record->out_of_memory);
	write_number(writer, TAG_EXITED_AT, (uint64_t)record->exited_at);
	if (record->error[0] != 0)
		write_text(writer, TAG_ERROR_MESSAGE, record->error);
}

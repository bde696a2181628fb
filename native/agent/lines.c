/* Lines of the files that SETUP laid over the root's: some go and some come, the workload's own stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

enum { LARGEST_FILE = 256 << 10 };

struct text {
	char *data;
	size_t size;
};

/* The file's number among those of the setup, or -1. */
static int number_of(struct span path)
{
	struct span file, own;
	int number = 0;
	for (struct span rest = kept_setup; field_each(&rest, TAG_FILE, &file); number++)
		if (field_find(file, TAG_PATH, &own) && own.size == path.size &&
		    memcmp(own.data, path.data, path.size) == 0)
			return number;
	return -1;
}

static bool is_removed(struct span change, const char *line, size_t size)
{
	struct span value;
	for (struct span rest = change; field_each(&rest, TAG_LINE_REMOVED, &value);)
		if (value.size == size && memcmp(value.data, line, size) == 0)
			return true;
	return false;
}

static void append(struct text *text, const void *line, size_t size)
{
	memcpy(text->data + text->size, line, size);
	text->size += size;
	text->data[text->size++] = '\n';
}

/* `after` has room for all of `before` and of the change. */
static void edit(struct span change, const struct text *before, struct text *after)
{
	struct span value;
	for (size_t at = 0; at < before->size;) {
		const char *line = before->data + at;
		const char *end = memchr(line, '\n', before->size - at);
		size_t size = end == NULL ? before->size - at : (size_t)(end - line);
		if (!is_removed(change, line, size))
			append(after, line, size);
		at += size + 1;
	}
	for (struct span rest = change; field_each(&rest, TAG_LINE_ADDED, &value);)
		append(after, value.data, value.size);
}

/* In place: what the workload sees is mounted on this very file. 0, or an errno. */
static int rewrite(int fd, struct span change)
{
	struct text before = {.data = malloc(LARGEST_FILE)};
	struct text after = {.data = malloc(LARGEST_FILE + change.size + 2)};
	ssize_t size = before.data == NULL || after.data == NULL ? -1 : pread(fd, before.data, LARGEST_FILE, 0);
	int number = before.data == NULL || after.data == NULL ? ENOMEM : size < 0 ? errno : 0;
	if (size == LARGEST_FILE)
		number = EFBIG;
	if (number == 0) {
		before.size = (size_t)size;
		edit(change, &before, &after);
		if (pwrite(fd, after.data, after.size, 0) != (ssize_t)after.size || ftruncate(fd, (off_t)after.size) < 0)
			number = errno == 0 ? EIO : errno;
	}
	free(before.data);
	free(after.data);
	return number;
}

int lines_change(struct span fields, struct failure *failure)
{
	struct span change, path;
	for (struct span rest = fields; field_each(&rest, TAG_FILE, &change);) {
		char name[64];
		int number = field_find(change, TAG_PATH, &path) ? number_of(path) : -1;
		if (number < 0)
			return fail_as(failure, "not-found", "NO_SUCH_FILE", 0, "the setup laid no such file");
		snprintf(name, sizeof name, AGENT_FILES "/%d", number);
		int fd = open(name, O_RDWR | O_CLOEXEC);
		number = fd < 0 ? errno : rewrite(fd, change);
		close(fd);
		if (number != 0)
			return fail(failure, "FILE_FAILED", number, "cannot change a file of the setup");
	}
	return 0;
}

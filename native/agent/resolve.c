#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

static int open_in_root(int root, const char *path, uint64_t flags, uint64_t mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	return (int)syscall(SYS_openat2, root, path, &how, sizeof how);
}

enum { MOST_LINKS = 16 };

/* The folder of `path` opened, its last component in `name`. */
static int open_parent(int root, const char *path, const char **name)
{
	char parent[PATH_MAX + 2];
	const char *slash = strrchr(path, '/');
	size_t length = (size_t)(slash - path);
	*name = slash + 1;
	snprintf(parent, sizeof parent, "%.*s/.", (int)length, path);
	return open_in_root(root, parent, O_PATH | O_DIRECTORY, 0);
}

static int make_last(int root, const char *path, enum target_kind kind)
{
	const char *name;
	int folder = open_parent(root, path, &name);
	if (folder < 0)
		return -1;
	int made = kind == TARGET_DIRECTORY ? mkdirat(folder, name, 0755) : mknodat(folder, name, S_IFREG | 0644, 0);
	int number = errno;
	close(folder);
	errno = number;
	return made;
}

/*
 * `path`, up to `end` of it, is a link to nothing, as images have for files that a running system makes.
 * Puts what it says in its place; the kernel keeps the result inside the root.
 */
static int replace_link(int root, char path[PATH_MAX], size_t end)
{
	char link[PATH_MAX], rest[PATH_MAX], result[3 * PATH_MAX];
	const char *name;
	snprintf(rest, sizeof rest, "%s", path + end);
	path[end] = 0;
	int folder = open_parent(root, path, &name);
	ssize_t size = folder < 0 ? -1 : readlinkat(folder, name, link, sizeof link - 1);
	close(folder);
	if (size <= 0)
		return -1;
	link[size] = 0;
	int parent = link[0] == '/' ? 0 : (int)(strrchr(path, '/') - path) + 1;
	int length = snprintf(result, sizeof result, "%.*s%s%s", parent, path, link, rest);
	if (length < 0 || length >= PATH_MAX - 2) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(path, result, (size_t)length + 1);
	return 0;
}

/* Makes every missing component of `path`; 1 when a link was replaced and it is to be begun anew. */
static int make_missing(int root, char path[PATH_MAX], enum target_kind kind)
{
	size_t length = strlen(path);
	for (size_t i = 1; i <= length; i++) {
		if ((path[i] != '/' && path[i] != 0) || path[i - 1] == '/')
			continue;
		char after = path[i];
		path[i] = 0;
		int existing = open_in_root(root, path, O_PATH, 0);
		int made = existing;
		if (existing >= 0)
			close(existing);
		else if (errno == ENOENT)
			made = make_last(root, path, after == 0 ? kind : TARGET_DIRECTORY);
		path[i] = after;
		if (made < 0)
			return errno == EEXIST ? (replace_link(root, path, i) < 0 ? -1 : 1) : -1;
	}
	return 0;
}

int resolve_target(int root, const char *path, enum target_kind kind, struct failure *failure)
{
	char working[PATH_MAX];
	uint64_t flags = O_PATH | (kind == TARGET_DIRECTORY ? O_DIRECTORY : 0);
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof working - 2 || path[0] != '/')
		return fail_as(failure, "invalid", "PATH_INVALID", 0, "not an absolute path: %.200s", path);
	memcpy(working, path, length + 1);
	int found = open_in_root(root, working, flags, 0);
	for (int links = 0; found < 0 && errno == ENOENT && links < MOST_LINKS; links++) {
		int made = make_missing(root, working, kind);
		if (made < 0)
			break;
		found = open_in_root(root, working, flags, 0);
	}
	if (found < 0)
		return fail_as(failure, "invalid", "TARGET_UNUSABLE", errno, "error mounting to rootfs at \"%.500s\"", path);
	return found;
}

char *resolve_read(int root, const char *path, size_t limit)
{
	int fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat status;
	if (fd < 0)
		return NULL;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) || (size_t)status.st_size > limit) {
		close(fd);
		errno = EINVAL;
		return NULL;
	}
	char *text = malloc((size_t)status.st_size + 1);
	size_t filled = 0;
	while (text != NULL && filled < (size_t)status.st_size) {
		ssize_t size = read(fd, text + filled, (size_t)status.st_size - filled);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		filled += (size_t)size;
	}
	close(fd);
	if (text != NULL)
		text[filled] = 0;
	return text;
}

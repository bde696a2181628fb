#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
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

/* Makes the last component of `path`, whose parent exists, and gives it opened. */
static int make_last(int root, const char *path, enum target_kind kind)
{
	char parent[4096];
	const char *slash = strrchr(path, '/');
	const char *name = slash == NULL ? path : slash + 1;
	size_t length = slash == NULL ? 0 : (size_t)(slash - path);
	memcpy(parent, path, length);
	strcpy(parent + length, "/.");
	int folder = open_in_root(root, parent, O_PATH | O_DIRECTORY, 0);
	if (folder < 0)
		return -1;
	int made = kind == TARGET_DIRECTORY ? mkdirat(folder, name, 0755)
					    : mknodat(folder, name, S_IFREG | 0644, 0);
	int number = errno;
	close(folder);
	errno = number;
	return made < 0 && number != EEXIST ? -1 : 0;
}

int resolve_target(int root, const char *path, enum target_kind kind, struct failure *failure)
{
	char partial[4096];
	size_t length = strlen(path);
	if (length == 0 || length >= sizeof partial - 2 || path[0] != '/')
		return fail_as(failure, "invalid", "PATH_INVALID", 0, "not an absolute path: %.200s", path);
	uint64_t flags = O_PATH | (kind == TARGET_DIRECTORY ? O_DIRECTORY : 0);
	int found = open_in_root(root, path, flags, 0);
	if (found >= 0 || errno != ENOENT)
		goto done;
	/* Missing: make every component that is. */
	for (size_t i = 1; i <= length; i++) {
		if (path[i] != '/' && path[i] != 0)
			continue;
		if (path[i - 1] == '/')
			continue;
		memcpy(partial, path, i);
		partial[i] = 0;
		enum target_kind part = path[i] == 0 ? kind : TARGET_DIRECTORY;
		int existing = open_in_root(root, partial, O_PATH, 0);
		if (existing >= 0)
			close(existing);
		else if (errno != ENOENT || make_last(root, partial, part) < 0)
			break;
	}
	found = open_in_root(root, path, flags, 0);
done:
	if (found < 0)
		return fail_as(failure, "invalid", "TARGET_UNUSABLE", errno, "cannot mount at %.500s", path);
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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "session.h"

static int open_below(const struct session *session, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};
	for (int attempt = 0; attempt < 64; attempt++) {
		int fd = (int)syscall(SYS_openat2, session->root, *path ? path : ".", &how, sizeof how);
		/* A rename raced with ".."; the kernel asks for another try. */
		if (fd >= 0 || errno != EAGAIN)
			return fd;
	}
	return -1;
}

int open_in_root(const struct session *session, const char *path, int flags)
{
	return open_below(session, path, flags, 0);
}

bool crosses_link(const struct session *session, const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (!slash)
		return false;
	memcpy(folder, path, (size_t)(slash - path));
	folder[slash - path] = 0;
	int fd = open_below(session, folder, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == ELOOP;
}

void forget_parent(struct session *session)
{
	if (session->parent >= 0)
		close(session->parent);
	session->parent = -1;
}

static void note_made(struct session *session, const char *path)
{
	struct answer note = answer_begin(&session->link, ROOTFS_NOTE, session->id);
	put_bytes(&note, path, strlen(path));
	answer_end(&note);
}

/* mkdir -p below the root; components that exist may be links. */
static int make_parents(struct session *session, const char *path)
{
	char partial[PATH_MAX];
	size_t size = 0;
	int folder = open_in_root(session, "", O_PATH | O_DIRECTORY);
	while (folder >= 0 && *path) {
		const char *end = strchrnul(path, '/');
		if (end == path) {
			path++;
			continue;
		}
		if (size)
			partial[size++] = '/';
		memcpy(partial + size, path, (size_t)(end - path));
		size += (size_t)(end - path);
		partial[size] = 0;
		const char *component = partial + size - (end - path);
		path = end;
		int next = open_in_root(session, partial, O_PATH | O_DIRECTORY);
		if (next < 0 && errno == ENOENT && mkdirat(folder, component, 0755) == 0) {
			note_made(session, partial);
			next = openat(folder, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		}
		int number = errno;
		close(folder);
		errno = number;
		folder = next;
	}
	return folder;
}

int open_parent(struct session *session, const char *path, bool make, char name[NAME_MAX + 1])
{
	size_t size = strlen(path);
	memcpy(session->subject, path, size + 1);
	while (size && path[size - 1] == '/')
		size--;
	const char *slash = memrchr(path, '/', size);
	const char *last = slash ? slash + 1 : path;
	size_t length = size - (size_t)(last - path);
	if (length > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, last, length);
	name[length] = 0;
	if (length == 0 || !strcmp(name, ".") || !strcmp(name, "..")) {
		errno = EINVAL;
		return -1;
	}
	char folder[PATH_MAX];
	size_t folder_size = slash ? (size_t)(slash - path) : 0;
	memcpy(folder, path, folder_size);
	folder[folder_size] = 0;
	if (session->parent >= 0 && !strcmp(folder, session->parent_path))
		return session->parent;
	forget_parent(session);
	int fd = open_in_root(session, folder, O_PATH | O_DIRECTORY);
	if (fd < 0 && errno == ENOENT && make)
		fd = make_parents(session, folder);
	if (fd < 0)
		return -1;
	session->parent = fd;
	memcpy(session->parent_path, folder, folder_size + 1);
	return fd;
}

static int remove_content(int fd)
{
	DIR *listing = fdopendir(fd);
	if (!listing) {
		int number = errno;
		close(fd);
		errno = number;
		return -1;
	}
	int result = 0, number = 0;
	for (struct dirent *entry; result == 0 && (errno = 0, entry = readdir(listing));) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		result = remove_tree(dirfd(listing), entry->d_name);
		if (result < 0 && errno == ENOENT)
			result = 0;
		number = errno;
	}
	closedir(listing);
	errno = number;
	return result;
}

int remove_tree(int folder, const char *name)
{
	if (unlinkat(folder, name, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -1;
	if (unlinkat(folder, name, AT_REMOVEDIR) == 0)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -1;
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || remove_content(fd) < 0)
		return -1;
	return unlinkat(folder, name, AT_REMOVEDIR);
}

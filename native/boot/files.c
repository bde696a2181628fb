#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "boot.h"
#include "protocol.h"

enum { FILE_LIMIT = 1 << 20 };

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);
	while (size > 0) {
		ssize_t written = write(fd, text, size);
		if (written < 0)
			return -1;
		text += written;
		size -= (size_t)written;
	}
	return 0;
}

/* A path of this process's own by which an O_PATH descriptor is opened or mounted on. */
static const char *path_of(int fd)
{
	static char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return path;
}

static int open_target(const char *path, enum target_kind kind)
{
	struct failure failure;
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0 ? -1 : resolve_target(root, path, kind, &failure);
	if (root >= 0)
		close(root);
	if (fd < 0)
		say("%s: %s", path, root < 0 ? strerror(errno) : failure.message);
	return fd;
}

void files_lay(const char *path, const char *content)
{
	char own[PATH_MAX];
	mkdir("/run/duet", 0755);
	snprintf(own, sizeof own, "/run/duet/%s", strrchr(path, '/') + 1);
	int fd = open(own, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || write_all(fd, content) < 0)
		say("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	int target = open_target(path, TARGET_FILE);
	if (target < 0)
		return;
	if (mount(own, path_of(target), NULL, MS_BIND, NULL) < 0)
		say("cannot lay %s: %s", path, strerror(errno));
	close(target);
}

/* Hosts where the image names none, since nothing but init gives a machine its own name. */
static void name_hosts(const char *hostname)
{
	char line[512];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *text = root < 0 ? NULL : resolve_read(root, "etc/hosts", FILE_LIMIT);
	if (root >= 0)
		close(root);
	snprintf(line, sizeof line, "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\t%s\n",
		 hostname);
	if (text == NULL || text[0] == 0)
		files_lay("/etc/hosts", line);
	free(text);
}

void files_prepare(void)
{
	struct span folder;
	for (struct span rest = configuration; field_each(&rest, TAG_MOUNT_POINT, &folder);) {
		char *path = span_text(folder);
		int fd = path == NULL ? -1 : open_target(path, TARGET_DIRECTORY);
		if (fd >= 0)
			close(fd);
		free(path);
	}
	char *hostname = field_text(configuration, TAG_HOSTNAME);
	if (hostname != NULL) {
		char line[300];
		snprintf(line, sizeof line, "%s\n", hostname);
		files_lay("/etc/hostname", line);
		name_hosts(hostname);
	}
	free(hostname);
	struct span file;
	for (struct span rest = configuration; field_each(&rest, TAG_FILE, &file);) {
		char *path = field_text(file, TAG_PATH);
		char *content = field_text(file, TAG_CONTENT);
		if (path != NULL && content != NULL && path[0] == '/')
			files_lay(path, content);
		free(path);
		free(content);
	}
}

void files_authorize(const char *home, uid_t uid, gid_t gid)
{
	char path[PATH_MAX];
	char *keys = field_text(configuration, TAG_VALUE);
	snprintf(path, sizeof path, "%s/.ssh", strcmp(home, "/") == 0 ? "" : home);
	int folder = keys == NULL ? -1 : open_target(path, TARGET_DIRECTORY);
	if (folder < 0) {
		free(keys);
		return;
	}
	int directory = open(path_of(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = directory < 0 ? -1 : openat(directory, "authorized_keys", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || write_all(fd, keys) < 0 || fchown(fd, uid, gid) < 0 || fchown(directory, uid, gid) < 0 ||
	    fchmod(directory, 0700) < 0)
		say("cannot write the ssh keys: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	if (directory >= 0)
		close(directory);
	close(folder);
	free(keys);
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "protocol.h"

enum { ROOT_DEADLINE = 60, SUPER_BLOCK = 1024, MAGIC_AT = 0x38, UUID_AT = 0x68, UUID_SIZE = 16 };

static bool parse_uuid(const char *text, uint8_t uuid[UUID_SIZE])
{
	int at = 0;
	for (; *text != 0 && at < UUID_SIZE; text++) {
		if (*text == '-')
			continue;
		if (sscanf(text, "%2hhx", &uuid[at]) != 1)
			return false;
		at++;
		text++;
	}
	return at == UUID_SIZE && *text == 0;
}

/* Whether the partition holds the ext4 file system with this UUID (its super block, 1024 bytes in). */
static bool is_root(const char *name, const uint8_t uuid[UUID_SIZE])
{
	char path[300];
	uint8_t block[1024];
	snprintf(path, sizeof path, "/dev/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	ssize_t size = pread(fd, block, sizeof block, SUPER_BLOCK);
	close(fd);
	return size == (ssize_t)sizeof block && block[MAGIC_AT] == 0x53 && block[MAGIC_AT + 1] == 0xef &&
	       memcmp(block + UUID_AT, uuid, UUID_SIZE) == 0;
}

static bool find_root(const uint8_t uuid[UUID_SIZE], char *path, size_t capacity)
{
	DIR *folder = opendir("/sys/class/block");
	struct dirent *entry;
	bool found = false;
	while (folder != NULL && !found && (entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' || strncmp(entry->d_name, "loop", 4) == 0 || !is_root(entry->d_name, uuid))
			continue;
		snprintf(path, capacity, "/dev/%s", entry->d_name);
		found = true;
	}
	if (folder != NULL)
		closedir(folder);
	return found;
}

static time_t seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int root_mount(struct failure *failure)
{
	char path[300];
	uint8_t uuid[UUID_SIZE];
	char *text = field_text(configuration, TAG_ID);
	if (text == NULL || !parse_uuid(text, uuid))
		return fail(failure, "ROOT_UNKNOWN", 0, "the configuration names no root file system");
	free(text);
	time_t end = seconds() + ROOT_DEADLINE;
	for (;;) {
		while (devices_load() > 0)
			;
		if (find_root(uuid, path, sizeof path))
			break;
		if (seconds() >= end)
			return fail(failure, "ROOT_MISSING", 0, "no disk has the root file system");
		devices_await(1000);
	}
	mkdir("/root", 0755);
	if (mount(path, "/root", "ext4", MS_NOATIME, NULL) < 0)
		return fail(failure, "ROOT_MOUNT", errno, "cannot mount the root file system of %s", path);
	return 0;
}

static void move_into(const char *from, const char *to)
{
	mkdir(to, 0755);
	if (mount(from, to, NULL, MS_MOVE, NULL) < 0)
		say("cannot mount %s: %s", from, strerror(errno));
}

int root_enter(struct failure *failure)
{
	const unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	/* A link where a folder of the kernel's is to be could lead anywhere: it is the image's own loss. */
	move_into("/dev", "/root/dev");
	move_into("/proc", "/root/proc");
	move_into("/sys", "/root/sys");
	move_into("/run", "/root/run");
	if (chdir("/root") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return fail(failure, "ROOT_ENTER", errno, "cannot enter the root file system");
	mkdir("/dev/pts", 0755);
	mkdir("/dev/shm", 01777);
	mkdir("/dev/mqueue", 0755);
	mkdir("/tmp", 01777);
	mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5");
	mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
	mount("mqueue", "/dev/mqueue", "mqueue", plain, NULL);
	mount("cgroup2", "/sys/fs/cgroup", "cgroup2", plain, NULL);
	static const char *const links[][2] = {
		{"/proc/self/fd", "/dev/fd"},
		{"/proc/self/fd/0", "/dev/stdin"},
		{"/proc/self/fd/1", "/dev/stdout"},
		{"/proc/self/fd/2", "/dev/stderr"},
	};
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		if (symlink(links[i][0], links[i][1]) < 0 && errno != EEXIST)
			say("cannot make %s: %s", links[i][1], strerror(errno));
	return 0;
}

void root_leave(void)
{
	sync();
	mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
}

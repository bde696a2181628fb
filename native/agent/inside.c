/* The main process's child builds and enters the workload's tree, in a mount namespace of its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent.h"

static const unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;

struct system_mount {
	const char *type;
	const char *target;
	unsigned long flags;
	const char *options;
};

/* What Docker gives every container; /dev comes before what lies in it. */
static const struct system_mount system_mounts[] = {
	{"proc", "/proc", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
	{"tmpfs", "/dev", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"},
	{"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5"},
	{"mqueue", "/dev/mqueue", MS_NOSUID | MS_NOEXEC | MS_NODEV, NULL},
	{"sysfs", "/sys", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
	{"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY, NULL},
};

static int mount_on(int target, const char *source, const char *type, unsigned long flags, const char *options)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/self/fd/%d", target);
	return mount(source, path, type, flags, options);
}

static int mount_new(int root, const struct system_mount *what, struct failure *failure)
{
	int target = resolve_target(root, what->target, TARGET_DIRECTORY, failure);
	if (target < 0)
		return -1;
	int result = mount_on(target, what->type, what->type, what->flags, what->options);
	int number = errno;
	close(target);
	return result < 0 ? fail(failure, "MOUNT_FAILED", number, "cannot mount %s", what->target) : 0;
}

/* Lays `source`, a path of the agent's own tree, over `path` inside the root. */
static int bind_over(int root, const char *source, const char *path, bool readonly, struct failure *failure)
{
	struct stat status;
	if (stat(source, &status) < 0)
		return fail(failure, "MOUNT_FAILED", errno, "cannot find the source of %.500s", path);
	enum target_kind kind = S_ISDIR(status.st_mode) ? TARGET_DIRECTORY : TARGET_FILE;
	int target = resolve_target(root, path, kind, failure);
	if (target < 0)
		return -1;
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
	int result = tree;
	if (result >= 0 && readonly)
		result = (int)syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
				      sizeof attributes);
	if (result >= 0)
		result = (int)syscall(SYS_move_mount, tree, "", target, "",
				      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	int number = errno;
	close(tree);
	close(target);
	/* move_mount(2) says so of a file over a folder, and of a folder over a file. */
	if (result < 0 && number == EINVAL)
		number = ENOTDIR;
	return result < 0 ? fail_as(failure, "invalid", "MOUNT_FAILED", number,
				    "error mounting to rootfs at \"%.500s\"", path)
			  : 0;
}

static const struct {
	const char *path;
	unsigned major;
	unsigned minor;
} devices[] = {
	{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
	const char *path;
	const char *target;
} links[] = {
	{"ptmx", "pts/ptmx"},	{"fd", "/proc/self/fd"},	{"stdin", "/proc/self/fd/0"},
	{"stdout", "/proc/self/fd/1"}, {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},
};

static int make_devices(int root, struct failure *failure)
{
	int folder = resolve_target(root, "/dev", TARGET_DIRECTORY, failure);
	if (folder < 0)
		return -1;
	mode_t before = umask(0);
	int result = 0;
	for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
		result |= mknodat(folder, devices[i].path, S_IFCHR | 0666,
				  makedev(devices[i].major, devices[i].minor));
	for (size_t i = 0; i < sizeof links / sizeof *links; i++)
		result |= symlinkat(links[i].target, folder, links[i].path);
	int number = errno;
	umask(before);
	close(folder);
	return result < 0 ? fail(failure, "DEVICES_FAILED", number, "cannot make the devices") : 0;
}

static int mount_system(int root, struct span setup, struct failure *failure)
{
	char options[64];
	uint64_t size = field_number(setup, TAG_SHM_SIZE, 64 << 20);
	snprintf(options, sizeof options, "mode=1777,size=%llu", (unsigned long long)size);
	for (size_t i = 0; i < sizeof system_mounts / sizeof *system_mounts; i++) {
		if (!agent.guest && strcmp(system_mounts[i].type, "cgroup2") == 0)
			continue;
		if (mount_new(root, &system_mounts[i], failure) < 0)
			return -1;
		if (i == 1 && make_devices(root, failure) < 0)
			return -1;
	}
	return mount_new(root, &(struct system_mount){"tmpfs", "/dev/shm", plain, options}, failure);
}

/* Options of a tmpfs: flags by name, the rest as data. */
static int mount_tmpfs(int root, struct span group, const char *path, struct failure *failure)
{
	char data[512] = "mode=1777";
	unsigned long flags = plain;
	struct span value;
	for (struct span rest = group; field_each(&rest, TAG_OPTION, &value);) {
		char *option = span_text(value);
		if (option == NULL)
			continue;
		size_t used = strlen(data);
		if (strcmp(option, "exec") == 0)
			flags &= ~(unsigned long)MS_NOEXEC;
		else if (strcmp(option, "suid") == 0)
			flags &= ~(unsigned long)MS_NOSUID;
		else if (strcmp(option, "dev") == 0)
			flags &= ~(unsigned long)MS_NODEV;
		else if (strcmp(option, "ro") == 0)
			flags |= MS_RDONLY;
		else if (strchr(option, '=') != NULL && strchr(option, ',') == NULL)
			snprintf(data + used, sizeof data - used, ",%s", option);
		free(option);
	}
	if (field_number(group, TAG_READONLY, 0) == 1)
		flags |= MS_RDONLY;
	return mount_new(root, &(struct system_mount){"tmpfs", path, flags, data}, failure);
}

static int mount_one(int root, struct span group, struct failure *failure)
{
	char *type = field_text(group, TAG_TYPE);
	char *path = field_text(group, TAG_MOUNT_POINT);
	char *source = field_text(group, TAG_SOURCE);
	char from[128];
	int result = -1;
	if (type == NULL || path == NULL) {
		fail_as(failure, "invalid", "MOUNT_INVALID", 0, "a mount has no type or target");
	} else if (strcmp(type, "tmpfs") == 0) {
		result = mount_tmpfs(root, group, path, failure);
	} else if (source == NULL || *source == 0 || strchr(source, '/') != NULL || source[0] == '.' ||
		   strlen(source) > 64) {
		fail_as(failure, "invalid", "MOUNT_INVALID", 0, "a share has no name");
	} else {
		const char *folder = strcmp(type, "socket") == 0 ? AGENT_SOCKETS : AGENT_SHARES;
		snprintf(from, sizeof from, "%s/%s", folder, source);
		result = bind_over(root, from, path, field_number(group, TAG_READONLY, 0) == 1, failure);
	}
	free(type);
	free(path);
	free(source);
	return result;
}

/* The order of the message is the order of the mounts: parents come first. */
static int mount_wanted(int root, struct span setup, struct failure *failure)
{
	struct span group;
	for (struct span rest = setup; field_each(&rest, TAG_GUEST_MOUNT, &group);)
		if (mount_one(root, group, failure) < 0)
			return -1;
	int number = 0;
	for (struct span rest = setup; field_each(&rest, TAG_FILE, &group); number++) {
		char from[64];
		char *path = field_text(group, TAG_PATH);
		snprintf(from, sizeof from, AGENT_FILES "/%d", number);
		int result = path == NULL ? -1 : bind_over(root, from, path, false, failure);
		free(path);
		if (result < 0)
			return -1;
	}
	return 0;
}

static int open_hidden(int root, struct span value)
{
	char *path = span_text(value);
	int fd = path == NULL ? -1 : openat(root, path + strspn(path, "/"), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	free(path);
	return fd;
}

static void make_readonly(int root, struct span value)
{
	char self[64];
	int fd = open_hidden(root, value);
	if (fd < 0)
		return;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	if (mount(self, self, NULL, MS_BIND | MS_REC, NULL) == 0) {
		int bound = open_hidden(root, value);
		mount_on(bound, NULL, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | plain, NULL);
		close(bound);
	}
	close(fd);
}

static void mask(int root, struct span value)
{
	struct stat status;
	int fd = open_hidden(root, value);
	if (fd >= 0 && fstat(fd, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			mount_on(fd, "tmpfs", "tmpfs", MS_RDONLY, "size=0k");
		else
			mount_on(fd, "/dev/null", NULL, MS_BIND, NULL);
	}
	close(fd);
}

/* A path that the guest's kernel does not have needs no hiding. */
static void hide_paths(int root, struct span fields)
{
	struct span value;
	for (struct span rest = fields; field_each(&rest, TAG_READONLY_PATH, &value);)
		make_readonly(root, value);
	for (struct span rest = fields; field_each(&rest, TAG_MASKED_PATH, &value);)
		mask(root, value);
}

static int write_sysctl(struct span group, struct failure *failure)
{
	char path[300] = "/proc/sys/";
	char *name = field_text(group, TAG_NAME);
	char *value = field_text(group, TAG_VALUE);
	int result = 0;
	if (name != NULL && value != NULL && strstr(name, "..") == NULL) {
		size_t used = strlen(path);
		snprintf(path + used, sizeof path - used, "%s", name);
		for (char *at = path + used; *at != 0; at++)
			if (*at == '.')
				*at = '/';
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			result = fail_as(failure, "invalid", "SYSCTL_FAILED", errno, "open %s", path);
		else if (write(fd, value, strlen(value)) < 0)
			result = fail_as(failure, "invalid", "SYSCTL_FAILED", errno, "write %s", path);
		close(fd);
	}
	free(name);
	free(value);
	return result;
}

static int write_sysctls(struct span fields, struct failure *failure)
{
	struct span group;
	for (struct span rest = fields; agent.guest && field_each(&rest, TAG_SYSCTL, &group);)
		if (write_sysctl(group, failure) < 0)
			return -1;
	return 0;
}

/* The machine's id replaces the image's where it has the file; an image without one stays as it is. */
static void place_machine_id(int root, struct span setup)
{
	struct failure failure;
	struct span id;
	char path[] = "/run/duet/machine-id";
	if (!field_find(setup, TAG_MACHINE_ID, &id) || faccessat(root, "etc/machine-id", F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
	if (fd >= 0 && write(fd, id.data, id.size) == (ssize_t)id.size && write(fd, "\n", 1) == 1)
		bind_over(root, path, "/etc/machine-id", false, &failure);
	close(fd);
}

int inside_enter(struct launch *launch, struct failure *failure)
{
	int root = open(AGENT_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(failure, "ROOT_MISSING", errno, "the root is not mounted");
	if (write_sysctls(launch->fields, failure) < 0 || mount_system(root, launch->setup, failure) < 0 || mount_wanted(root, launch->setup, failure) < 0)
		return -1;
	place_machine_id(root, launch->setup);
	hide_paths(root, launch->fields);
	bool readonly = field_number(launch->setup, TAG_READONLY, 0) == 1;
	/* As long as it can be made; what keeps it from that is told when it is entered. */
	struct failure unmade;
	if (readonly && launch->directory != NULL && launch->directory[0] == '/')
		close(resolve_target(root, launch->directory, TARGET_DIRECTORY, &unmade));
	if (readonly &&
	    mount(NULL, AGENT_ROOT, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOATIME, NULL) < 0)
		return fail(failure, "READONLY_FAILED", errno, "cannot make the root read-only");
	close(root);
	if (chdir(AGENT_ROOT) < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return fail(failure, "ENTER_FAILED", errno, "cannot enter the root");
	return 0;
}

int inside_mount_shares(struct failure *failure)
{
	struct span group;
	int root = -1;
	for (struct span rest = kept_setup; field_each(&rest, TAG_GUEST_MOUNT, &group);) {
		if (root < 0 && (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
				 (root = open(AGENT_ROOT, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0))
			return fail(failure, "ROOT_MISSING", errno, "cannot mount in the root");
		if (mount_one(root, group, failure) < 0)
			return -1;
	}
	close(root);
	return 0;
}

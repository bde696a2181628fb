#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol.h"

/* <sys/mount.h> of some C libraries clashes with <linux/mount.h>. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);

enum { DATA_LIMIT = 4095 };

struct word {
	const char *name;
	unsigned long flag;
};

static const struct word words[] = {
	{"ro", MS_RDONLY},       {"rw", 0},
	{"nosuid", MS_NOSUID},   {"nodev", MS_NODEV},
	{"noexec", MS_NOEXEC},   {"noatime", MS_NOATIME},
	{"relatime", MS_RELATIME}, {"bind", MS_BIND},
	{"rbind", MS_BIND | MS_REC}, {"private", MS_PRIVATE},
	{"rprivate", MS_PRIVATE | MS_REC}, {"slave", MS_SLAVE},
	{"rslave", MS_SLAVE | MS_REC}, {"shared", MS_SHARED},
	{"rshared", MS_SHARED | MS_REC},
};

static const unsigned long propagations = MS_PRIVATE | MS_SLAVE | MS_SHARED;

struct plan {
	unsigned long flags;
	unsigned long propagation;
	char *data; /* options that are no flags, joined by commas */
};

static bool take_word(struct plan *plan, const char *option)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (strcmp(words[i].name, option) != 0)
			continue;
		if (words[i].flag & propagations)
			plan->propagation |= words[i].flag;
		else
			plan->flags |= words[i].flag;
		return true;
	}
	return false;
}

static bool make_plan(char **options, struct plan *plan)
{
	size_t size = 1;
	for (char **at = options; *at != NULL; at++)
		size += strlen(*at) + 1;
	plan->data = calloc(1, size);
	if (plan->data == NULL)
		return false;
	size_t used = 0;
	for (char **at = options; *at != NULL; at++) {
		if (!take_word(plan, *at))
			used += (size_t)snprintf(plan->data + used, size - used, "%s%s", used == 0 ? "" : ",", *at);
	}
	return true;
}

static int config_string(int fs, const char *key, const char *value)
{
	return syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0) < 0 ? errno : 0;
}

/* Adds the folders of "a:b:c" one by one ("\:" is a colon of a name); Linux 6.7 and later. */
static int config_lowers(int fs, char *list)
{
	while (*list != 0) {
		char *in = list, *out = list;
		while (*in != 0 && *in != ':') {
			if (*in == '\\' && in[1] != 0)
				in++;
			*out++ = *in++;
		}
		bool more = *in == ':';
		*out = 0;
		int number = config_string(fs, "lowerdir+", list);
		if (number != 0)
			return number;
		if (!more)
			return 0;
		list = in + 1;
	}
	return 0;
}

static int config_option(int fs, char *option)
{
	char *value = strchr(option, '=');
	if (value == NULL)
		return syscall(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, option, NULL, 0) < 0 ? errno : 0;
	*value++ = 0;
	return strcmp(option, "lowerdir") == 0 ? config_lowers(fs, value) : config_string(fs, option, value);
}

/* The mount call that has no limit of a page on its options. 0, or an errno. */
static int mount_by_parts(const char *type, const char *target, char **options, unsigned long flags)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
	if (fs < 0)
		return errno;
	int number = 0;
	for (char **at = options; *at != NULL && number == 0; at++) {
		struct plan ignored = {0};
		if (!take_word(&ignored, *at))
			number = config_option(fs, *at);
	}
	if (number == 0 && syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		number = errno;
	unsigned attributes = (flags & MS_RDONLY ? MOUNT_ATTR_RDONLY : 0) | (flags & MS_NOSUID ? MOUNT_ATTR_NOSUID : 0) |
			      (flags & MS_NODEV ? MOUNT_ATTR_NODEV : 0) | (flags & MS_NOEXEC ? MOUNT_ATTR_NOEXEC : 0);
	int mounted = number != 0 ? -1 : (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, attributes);
	if (number == 0 && mounted < 0)
		number = errno;
	if (number == 0 && syscall(SYS_move_mount, mounted, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		number = errno;
	if (mounted >= 0)
		close(mounted);
	close(fs);
	return number;
}

/* 0, or an errno. */
static int apply(const char *type, const char *source, const char *target, char **options, const struct plan *plan)
{
	bool bind = strcmp(type, "bind") == 0;
	unsigned long flags = plan->flags | (bind ? MS_BIND : 0);
	if (strlen(plan->data) > DATA_LIMIT && !bind)
		return mount_by_parts(type, target, options, plan->flags);
	if (mount(source, target, bind ? NULL : type, bind ? flags & (MS_BIND | MS_REC) : flags, plan->data) < 0)
		return errno;
	unsigned long settings = flags & (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME);
	if (bind && settings != 0 && mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | settings, NULL) < 0)
		return errno;
	if (plan->propagation != 0 && mount(NULL, target, NULL, plan->propagation, NULL) < 0)
		return errno;
	return 0;
}

/* mkdir -p; the last component too only when `whole`. Errors show in what is done with the path. */
static void make_folders(char *path, bool whole)
{
	for (char *at = path + 1; *at != 0; at++) {
		if (*at != '/')
			continue;
		*at = 0;
		mkdir(path, 0755);
		*at = '/';
	}
	if (whole)
		mkdir(path, 0755);
}

/* A folder, or for a file or device to be bound, a file. */
static void make_point(const char *source, bool bind, char *target)
{
	struct stat stat_source;
	bool file = bind && stat(source, &stat_source) == 0 && !S_ISDIR(stat_source.st_mode);
	make_folders(target, !file);
	int fd = file ? open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644) : -1;
	if (fd >= 0)
		close(fd);
}

static int make_one(struct span fields, const char *prefix, bool points, struct failure *failure)
{
	char *type = field_text(fields, TAG_TYPE);
	char *source = field_text(fields, TAG_SOURCE);
	char *point = field_text(fields, TAG_MOUNT_POINT);
	char **options = field_texts(fields, TAG_OPTION, NULL);
	char *target = NULL;
	struct plan plan = {0};
	int number = EINVAL;
	if (type != NULL && source != NULL && point != NULL && options != NULL &&
	    asprintf(&target, "%s%s", prefix, point) >= 0 && make_plan(options, &plan)) {
		if (points)
			make_point(source, strcmp(type, "bind") == 0, target);
		number = apply(type, source, target, options, &plan);
	}
	if (number != 0)
		fail(failure, "MOUNT_FAILED", number, "cannot mount %s from %s at %s", type == NULL ? "" : type,
		     source == NULL ? "" : source, target == NULL ? "" : target);
	free(type);
	free(source);
	free(point);
	free(target);
	free(plan.data);
	texts_free(options);
	return number == 0 ? 0 : -1;
}

static int make_all(struct span fields, const char *prefix, bool points, struct failure *failure)
{
	struct span value;
	for (struct span rest = fields; field_each(&rest, TAG_MOUNT, &value);) {
		if (make_one(value, prefix, points, failure) < 0)
			return -1;
	}
	return 0;
}

int mounts_make(struct span fields, struct failure *failure)
{
	return make_all(fields, "", false, failure);
}

int mounts_make_in(struct span fields, const char *root, struct failure *failure)
{
	return make_all(fields, root, true, failure);
}

int mounts_unshare(struct failure *failure)
{
	if (unshare(CLONE_NEWNS) < 0)
		return fail(failure, "NAMESPACE_FAILED", errno, "cannot make a mount namespace");
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return fail(failure, "NAMESPACE_FAILED", errno, "cannot detach from the host's mounts");
	return 0;
}

/* In a child: enters the namespace and puts the mount there. Exits with an errno. */
static void place(int tree, int namespace, char *target)
{
	struct stat status;
	bool file = fstat(tree, &status) == 0 && !S_ISDIR(status.st_mode);
	if (setns(namespace, CLONE_NEWNS) < 0)
		_exit(errno & 0xff);
	make_folders(target, !file);
	if (file)
		close(open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		_exit(errno & 0xff);
	_exit(0);
}

static int send_one(struct span fields, int namespace, struct failure *failure)
{
	char *source = field_text(fields, TAG_SOURCE);
	char *target = field_text(fields, TAG_MOUNT_POINT);
	char **options = field_texts(fields, TAG_OPTION, NULL);
	int number = EINVAL;
	int tree = -1;
	if (source != NULL && target != NULL && options != NULL) {
		tree = (int)syscall(SYS_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
		number = tree < 0 ? errno : 0;
	}
	for (char **at = options; number == 0 && *at != NULL; at++) {
		struct mount_attr attributes = {.attr_set = MOUNT_ATTR_RDONLY};
		if (strcmp(*at, "ro") == 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE,
						      &attributes, sizeof attributes) < 0)
			number = errno;
	}
	if (number == 0) {
		int status = 0;
		pid_t pid = fork();
		if (pid == 0)
			place(tree, namespace, target);
		number = pid < 0 || waitpid(pid, &status, 0) < 0 ? errno : WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	}
	if (tree >= 0)
		close(tree);
	if (number != 0)
		fail(failure, "MOUNT_FAILED", number, "cannot share %s at %s", source == NULL ? "" : source,
		     target == NULL ? "" : target);
	free(source);
	free(target);
	texts_free(options);
	return number == 0 ? 0 : -1;
}

int mounts_send(struct span fields, int pid, struct failure *failure)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/mnt", pid);
	int namespace = open(path, O_RDONLY | O_CLOEXEC);
	if (namespace < 0)
		return fail(failure, "MOUNT_FAILED", errno, "cannot open the mount namespace of process %d", pid);
	int result = 0;
	struct span value;
	for (struct span rest = fields; result == 0 && field_each(&rest, TAG_MOUNT, &value);)
		result = send_one(value, namespace, failure);
	close(namespace);
	return result;
}

#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "operations.h"

/* From <sys/mount.h>, which clashes with <linux/mount.h>. */
int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);
#define MNT_DETACH 2

#define MAX_MOUNTS 512
#define MAX_OPTIONS 8192
/* A folder that every host has, and whose place is free in a namespace of our own. */
#define STAGE "/proc"

struct mount_plan {
	char type[16];
	char source[PATH_MAX];
	char target[PATH_MAX];
	unsigned long flags;
	char data[MAX_OPTIONS];
	int tree; /* a bind's source, opened before anything is covered; -1 for other types */
};

static int failed(struct entry_failure *failure, const char *what)
{
	*failure = (struct entry_failure){ errno ? errno : EIO, what };
	return -1;
}

static int take_options(struct cursor *payload, struct mount_plan *plan)
{
	static const struct {
		const char *name;
		unsigned long flag;
	} known[] = { { "ro", MS_RDONLY }, { "rw", 0 },		   { "nosuid", MS_NOSUID }, { "nodev", MS_NODEV },
		      { "noexec", MS_NOEXEC }, { "noatime", MS_NOATIME }, { "bind", 0 },	    { "rbind", MS_REC },
		      { "relatime", MS_RELATIME } };
	size_t size = 0;
	for (uint32_t count = take_u32(payload); count && !payload->bad; count--) {
		char option[MAX_OPTIONS];
		if (!take_path(payload, option, sizeof option))
			return -1;
		size_t index = 0, length = strlen(option);
		while (index < sizeof known / sizeof *known && strcmp(option, known[index].name))
			index++;
		if (index < sizeof known / sizeof *known) {
			plan->flags |= known[index].flag;
			continue;
		}
		if (size + length + 2 > sizeof plan->data)
			return -1;
		if (size)
			plan->data[size++] = ',';
		memcpy(plan->data + size, option, length + 1);
		size += length;
	}
	return 0;
}

static int take_mount(struct cursor *payload, struct mount_plan *plan)
{
	memset(plan, 0, sizeof *plan);
	plan->tree = -1;
	if (!take_path(payload, plan->type, sizeof plan->type) ||
	    !take_path(payload, plan->source, sizeof plan->source) ||
	    !take_path(payload, plan->target, sizeof plan->target) || take_options(payload, plan) < 0)
		return -1;
	return payload->bad ? -1 : 0;
}

static bool is_bind(const struct mount_plan *plan)
{
	return !strcmp(plan->type, "bind");
}

static int open_source(struct mount_plan *plan)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (plan->flags & MS_REC ? AT_RECURSIVE : 0);
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_RDONLY };
	plan->tree = (int)syscall(SYS_open_tree, AT_FDCWD, plan->source, flags);
	/* A bind has the flags of what it shows unless it is told otherwise. */
	if (plan->tree >= 0 && (plan->flags & MS_RDONLY) &&
	    syscall(SYS_mount_setattr, plan->tree, "", AT_EMPTY_PATH | (plan->flags & MS_REC ? AT_RECURSIVE : 0),
		    &attributes, sizeof attributes) < 0)
		return -1;
	return plan->tree;
}

static int mount_at(struct mount_plan *plan, int place, const char *path)
{
	if (is_bind(plan)) {
		if (place < 0)
			return (int)syscall(SYS_move_mount, plan->tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
		return (int)syscall(SYS_move_mount, plan->tree, "", place, "",
				    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	}
	char through[64];
	if (place >= 0) {
		snprintf(through, sizeof through, "/proc/self/fd/%d", place);
		path = through;
	}
	/* Overlay options may be relative to the source, which keeps a long list of layers within a page. */
	if (!strcmp(plan->type, "overlay") && plan->source[0] == '/' && chdir(plan->source) < 0)
		return -1;
	int result = mount(plan->source, path, plan->type, plan->flags & ~(unsigned long)MS_REC, plan->data);
	int number = errno;
	if (chdir("/") < 0)
		return -1;
	errno = number;
	return result;
}

static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	return (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof how);
}

/* Makes the plan's mounts with the root at `stage`. Binds only below it: other types would need /proc. */
static int make_mounts(struct mount_plan *plans, uint32_t count, const char *stage, struct entry_failure *failure)
{
	for (uint32_t index = 0; index < count; index++)
		if (is_bind(&plans[index]) && open_source(&plans[index]) < 0)
			return failed(failure, "open the source of a mount");
	if (mount_at(&plans[0], -1, stage) < 0)
		return failed(failure, "mount the root");
	int root = open(stage, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed(failure, "open the root");
	for (uint32_t index = 1; index < count; index++) {
		int place = open_below(root, plans[index].target, O_PATH);
		/* A mount point that is not there holds nothing to see. */
		if (place < 0 && errno == ENOENT)
			continue;
		int result = place < 0 || !is_bind(&plans[index]) ? -1 : mount_at(&plans[index], place, NULL);
		if (place >= 0)
			close(place);
		if (result < 0) {
			close(root);
			return failed(failure, "mount below the root");
		}
	}
	close(root);
	return 0;
}

static int private_namespace(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

/* Takes the mounts of a payload and makes them at `stage`. */
static int assemble_here(struct cursor *payload, const char *stage, struct entry_failure *failure)
{
	uint32_t count = take_u32(payload);
	struct mount_plan *plans = count && count <= MAX_MOUNTS ? calloc(count, sizeof *plans) : NULL;
	errno = EINVAL;
	if (!plans)
		return failed(failure, "read the mounts of");
	for (uint32_t index = 0; index < count; index++)
		if (take_mount(payload, &plans[index]) < 0) {
			free(plans);
			errno = EINVAL;
			return failed(failure, "read the mounts of");
		}
	int result = make_mounts(plans, count, stage, failure);
	for (uint32_t index = 0; index < count; index++)
		if (plans[index].tree >= 0)
			close(plans[index].tree);
	free(plans);
	return result;
}

/* Takes the mounts of a payload and makes them at `stage`, in a namespace of its own. */
static int assemble(struct cursor *payload, const char *stage, struct entry_failure *failure)
{
	if (private_namespace() < 0)
		return failed(failure, "leave the host's mounts for");
	return assemble_here(payload, stage, failure);
}

/*
 * The tree becomes this process's root and the host's is let go. Nothing in it is a usable device,
 * program or set-user-id program for this process.
 */
static int settle(int root, bool pivot, bool readonly, struct entry_failure *failure)
{
	if (fchdir(root) < 0)
		return failed(failure, "enter");
	if (pivot) {
		if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0)
			return failed(failure, "make the root of");
	} else if (chroot(".") < 0) {
		return failed(failure, "make the root of");
	}
	if (chdir("/") < 0)
		return failed(failure, "enter");
	struct mount_attr attributes = { .attr_set = MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC };
	if (readonly)
		attributes.attr_set |= MOUNT_ATTR_RDONLY;
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return failed(failure, "open");
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) < 0 &&
	    (readonly || pivot)) {
		close(fd);
		return failed(failure, "restrict the mounts of");
	}
	return fd;
}

static int enter_process(uint32_t pid, bool readonly, struct entry_failure *failure)
{
	char path[64];
	/* The pid could be another process's by the time its folder is opened; the handle tells. */
	int handle = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (handle < 0)
		return failed(failure, "find the process of");
	snprintf(path, sizeof path, "/proc/%u/root", pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int alive = (int)syscall(SYS_pidfd_send_signal, handle, 0, NULL, 0);
	if (root < 0 || alive < 0 || setns(handle, CLONE_NEWNS) < 0)
		return failed(failure, "enter the mounts of");
	close(handle);
	/* A copy of its mounts, so that what is restricted here is not restricted there. */
	if (fchdir(root) < 0 || chroot(".") < 0)
		return failed(failure, "enter");
	close(root);
	if (private_namespace() < 0)
		return failed(failure, "copy the mounts of");
	root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed(failure, "open");
	int fd = settle(root, false, readonly, failure);
	close(root);
	return fd;
}

/* Takes a second list of mounts: a tree that stays in no place, so that nothing of the root leads there. */
static int open_beside(struct cursor *payload, struct entry_failure *failure)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
	};
	if (assemble_here(payload, STAGE, failure) < 0)
		return -1;
	int tree = (int)syscall(SYS_open_tree, AT_FDCWD, STAGE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (tree < 0 || umount2(STAGE, MNT_DETACH) < 0 ||
	    syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) < 0) {
		failed(failure, "open the tree beside");
		if (tree >= 0)
			close(tree);
		return -1;
	}
	return tree;
}

int enter(struct cursor *payload, int *beside, struct entry_failure *failure)
{
	uint8_t kind = take_u8(payload);
	uint8_t flags = take_u8(payload);
	bool readonly = flags & ROOTFS_READONLY;
	uint32_t pid = take_u32(payload);
	if (kind == ENTER_PROCESS)
		return enter_process(pid, readonly, failure);
	if (kind != ENTER_MOUNTS || assemble(payload, STAGE, failure) < 0)
		return failure->number ? -1 : (errno = EINVAL, failed(failure, "read the mounts of"));
	int root = open(STAGE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return failed(failure, "open");
	int fd = (flags & ROOTFS_BESIDE) && (*beside = open_beside(payload, failure)) < 0
			 ? -1
			 : settle(root, true, readonly, failure);
	close(root);
	return fd;
}

void execute(struct cursor *payload, struct entry_failure *failure)
{
	char stage[PATH_MAX];
	char *argv[65] = { NULL };
	if (!take_path(payload, stage, sizeof stage) || assemble(payload, stage, failure) < 0) {
		if (!failure->number)
			errno = EINVAL, failed(failure, "read the mounts of");
		return;
	}
	uint32_t count = take_u32(payload);
	for (uint32_t index = 0; index < count && index < 64; index++) {
		char word[PATH_MAX];
		if (!take_path(payload, word, sizeof word) || !(argv[index] = strdup(word))) {
			errno = EINVAL;
			failed(failure, "read the program of");
			return;
		}
	}
	if (argv[0] && argv[0][0] == '/')
		execve(argv[0], argv, (char *[]){ "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C", NULL });
	else
		errno = EINVAL;
	failed(failure, "start the program of");
}

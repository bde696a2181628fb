#include "jail.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter.h"
#include "mounts.h"
#include "protocol.h"

int mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int umount2(const char *target, int flags);

enum { FIRST_FREE = 200, MNT_DETACH = 2 };

int jail_read(struct jail *jail, struct span fields, struct failure *failure)
{
	jail->wanted = field_find(fields, TAG_JAIL, &jail->fields);
	if (!jail->wanted)
		return 0;
	uint64_t uid = field_number(jail->fields, TAG_UID, 0);
	uint64_t gid = field_number(jail->fields, TAG_GID, 0);
	struct span root;
	bool has_root = field_find(jail->fields, TAG_ROOT, &root) && root.size > 0;
	jail->root = has_root ? span_text(root) : NULL;
	jail->cgroups = field_texts(jail->fields, TAG_CGROUP, NULL);
	if (!fields_valid(jail->fields) || uid > 0x7fffffff || gid > 0x7fffffff || jail->cgroups == NULL ||
	    (has_root && jail->root == NULL))
		return fail_as(failure, "invalid", "JAIL_INVALID", 0, "the description of the jail is malformed");
	jail->uid = (uid_t)uid;
	jail->gid = (gid_t)gid;
	return 0;
}

int jail_descriptor(struct jail *jail, int from, int to, struct failure *failure)
{
	if (jail->descriptor_count == JAIL_DESCRIPTORS || to < 3 || to >= FIRST_FREE) {
		close(from);
		return fail_as(failure, "invalid", "JAIL_INVALID", 0, "descriptor %d is out of range", to);
	}
	jail->descriptors[jail->descriptor_count].from = from;
	jail->descriptors[jail->descriptor_count++].to = to;
	return 0;
}

/* The child says what failed where QEMU's own words go, and gives the errno up. */
static int step(int result, const char *what)
{
	if (result >= 0)
		return 0;
	int number = errno == 0 ? EINVAL : errno;
	dprintf(STDERR_FILENO, "duet-shim: jail: %s: %s\n", what, strerror(number));
	return number;
}

static int join_cgroups(const struct jail *jail)
{
	for (char **at = jail->cgroups; *at != NULL; at++) {
		int fd = open(*at, O_WRONLY | O_CLOEXEC);
		int number = step(fd < 0 ? -1 : (int)write(fd, "0", 1), *at);
		if (fd >= 0)
			close(fd);
		if (number != 0)
			return number;
	}
	return 0;
}

static int set_limits(const struct jail *jail)
{
	struct span value;
	for (struct span rest = jail->fields; field_each(&rest, TAG_LIMIT, &value);) {
		struct rlimit limit = {field_number(value, TAG_SOFT, RLIM_INFINITY),
				       field_number(value, TAG_HARD, RLIM_INFINITY)};
		int number = step(setrlimit((int)field_number(value, TAG_NUMBER, 0xff), &limit), "limit");
		if (number != 0)
			return number;
	}
	return 0;
}

/* A tmpfs with what the daemon named in it, and nothing else, becomes the root. */
static int enter_root(const struct jail *jail)
{
	struct failure failure;
	int number = step(mount("tmpfs", jail->root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=1m"),
			  "root");
	if (number != 0)
		return number;
	if (mounts_make_in(jail->fields, jail->root, &failure) < 0) {
		dprintf(STDERR_FILENO, "duet-shim: jail: %s\n", failure.message);
		return failure.number == 0 ? EINVAL : failure.number;
	}
	number = step(chdir(jail->root), "root");
	if (number == 0)
		number = step((int)syscall(SYS_pivot_root, ".", "."), "pivot_root");
	if (number == 0)
		number = step(umount2(".", MNT_DETACH), "leave the host's tree");
	return number == 0 ? step(chdir("/"), "/") : number;
}

/* The few capabilities that serving shared folders takes; the bounding set shrinks to them, QEMU's exec keeps them. */
static int keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = data[i].inheritable = (uint32_t)(kept >> (32 * i));
	int number = step((int)syscall(SYS_capset, &header, data), "capset");
	for (unsigned i = 0; i < 64 && number == 0; i++)
		if (kept & (1ull << i))
			number = step(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0), "ambient capabilities");
	return number;
}

static void drop_bounding_set(uint64_t kept)
{
	for (unsigned i = 0; i < 64; i++)
		if ((kept & (1ull << i)) == 0)
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
}

static int drop_privileges(const struct jail *jail)
{
	int number = 0;
	uint64_t kept = field_number(jail->fields, TAG_CAPABILITIES, 0);
	if (jail->uid != 0) {
		drop_bounding_set(kept);
		prctl(PR_SET_KEEPCAPS, kept != 0, 0, 0, 0);
		number = step(setgroups(0, NULL), "setgroups");
		if (number == 0)
			number = step(setresgid(jail->gid, jail->gid, jail->gid), "setgid");
		if (number == 0)
			number = step(setresuid(jail->uid, jail->uid, jail->uid), "setuid");
		if (number == 0 && kept != 0)
			number = keep_capabilities(kept);
	}
	if (number == 0)
		number = step(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	if (number == 0)
		number = step(filter_apply(), "seccomp");
	return number;
}

static int confine(const struct jail *jail)
{
	int number = join_cgroups(jail);
	if (number == 0)
		number = set_limits(jail);
	/* The tap is held by its descriptor, so QEMU itself needs no network at all. */
	if (number == 0)
		number = step(unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC), "unshare");
	if (number == 0)
		number = step(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL), "detach from the host's mounts");
	if (number == 0 && jail->root != NULL)
		number = enter_root(jail);
	return number == 0 ? drop_privileges(jail) : number;
}

int jail_enter(void *context)
{
	const struct jail *jail = context;
	int moved[JAIL_DESCRIPTORS];
	for (int i = 0; i < jail->descriptor_count; i++)
		moved[i] = fcntl(jail->descriptors[i].from, F_DUPFD_CLOEXEC, FIRST_FREE);
	for (int i = 0; i < jail->descriptor_count; i++) {
		int number = step(dup2(moved[i], jail->descriptors[i].to), "descriptor");
		if (number != 0)
			return number;
	}
	int number = jail->wanted ? confine(jail) : 0;
	/* After the change of user, which clears it: the VM ends with its shim. */
	if (number == 0)
		number = step(prctl(PR_SET_PDEATHSIG, SIGKILL), "pdeathsig");
	return number;
}

void jail_free(struct jail *jail)
{
	for (int i = 0; i < jail->descriptor_count; i++)
		close(jail->descriptors[i].from);
	free(jail->root);
	texts_free(jail->cgroups);
	*jail = (struct jail){0};
}

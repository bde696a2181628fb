#include "enter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "program.h"
#include "protocol.h"
#include "report.h"

enum { REPORT_DESCRIPTOR = 3, MAXIMUM_GROUPS = 65536 };

struct entry {
	char **arguments;
	char **environment;
	char **cgroups;
	char *directory;
	struct credentials credentials;
	struct span filter;
	bool no_new_privileges;
};

/* Where it is to live. */
struct place {
	int init;   /* pidfd of the container's main process */
	int cgroup; /* of version 2, to be born in; -1 where the maker has moved already */
};

static int unsupported(int number, const char *what, struct failure *failure)
{
	return fail_as(failure, "unsupported", "ENTER_UNSUPPORTED", number, "%s", what);
}

/* Numbers as texts; the daemon has looked names up in the image. */
static gid_t *read_groups(struct span fields, size_t *count)
{
	char **texts = field_texts(fields, TAG_GROUP, count);
	gid_t *groups = texts == NULL || *count > MAXIMUM_GROUPS ? NULL : calloc(*count + 1, sizeof *groups);
	for (size_t i = 0; groups != NULL && i < *count; i++)
		groups[i] = (gid_t)strtoul(texts[i], NULL, 10);
	return groups;
}

static int read_entry(struct span fields, struct entry *entry, struct failure *failure)
{
	size_t count, group_count;
	gid_t *groups = read_groups(fields, &group_count);
	*entry = (struct entry){
		.arguments = field_texts(fields, TAG_ARGUMENT, &count),
		.environment = field_texts(fields, TAG_ENVIRONMENT, NULL),
		.cgroups = field_texts(fields, TAG_CGROUP, NULL),
		.directory = field_text(fields, TAG_DIRECTORY),
		.credentials = {
			.uid = (uid_t)field_number(fields, TAG_UID, (uid_t)-1),
			.gid = (gid_t)field_number(fields, TAG_GID, (gid_t)-1),
			.groups = groups,
			.group_count = group_count,
			.capabilities = field_number(fields, TAG_CAPABILITIES, 0),
		},
		.no_new_privileges = field_number(fields, TAG_NO_NEW_PRIVILEGES, 0) == 1,
	};
	field_find(fields, TAG_FILTER, &entry->filter);
	if (groups == NULL || entry->arguments == NULL || entry->environment == NULL || entry->cgroups == NULL ||
	    entry->cgroups[0] == NULL || entry->directory == NULL || entry->credentials.uid == (uid_t)-1 ||
	    entry->credentials.gid == (gid_t)-1 || entry->filter.size % sizeof(struct sock_filter) != 0)
		return fail_as(failure, "invalid", "EXEC_INVALID", 0, "the exec is not fully described");
	if (count == 0 || entry->arguments[0][0] == 0)
		return fail_as(failure, "invalid", "COMMAND_EMPTY", 0, "no command specified");
	return 0;
}

/*
 * cgroups(7): "0" is the writer. A hierarchy where this container has no group is left out, as the OCI runtime
 * left it out; where it has groups below its own, version 2 refuses (EBUSY).
 */
static int join_cgroups(const struct entry *entry, struct failure *failure)
{
	int joined = 0;
	for (char **path = entry->cgroups; *path != NULL; path++) {
		int fd = open(*path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		ssize_t written = fd < 0 ? -1 : write(fd, "0", 1);
		int number = errno;
		if (fd >= 0)
			close(fd);
		if (written < 0)
			return unsupported(number, "cannot join the container's cgroup", failure);
		joined++;
	}
	return joined > 0 ? 0 : unsupported(ENOENT, "the container has no cgroup", failure);
}

/*
 * clone(2), CLONE_INTO_CGROUP: to be born in a version 2 cgroup is far cheaper than to move there, for which the
 * kernel waits until no processor is in a fork. -1 where the container's is not that one.
 */
static int open_birthplace(const struct entry *entry)
{
	struct statfs system;
	char *folder = strdup(entry->cgroups[0]);
	char *end = folder == NULL || entry->cgroups[1] != NULL ? NULL : strrchr(folder, '/');
	if (end != NULL)
		*end = 0;
	int fd = end == NULL ? -1 : open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type == CGROUP2_SUPER_MAGIC)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* setns(2) with a pidfd takes all namespaces of the process at once, since Linux 5.8. */
static int join_namespaces(int init, int namespaces, struct failure *failure)
{
	if (setns(init, namespaces) == 0)
		return 0;
	if (errno == ESRCH)
		return fail_as(failure, "conflict", "NOT_RUNNING", 0, "the container is not running");
	return unsupported(errno, "cannot join the container's namespaces", failure);
}

/*
 * The maker's own joining. The namespace of cgroups comes after the birth: seen from inside it, the shim's cgroup
 * is nowhere, and nobody may come from there.
 */
static int join(const struct enter *enter, const struct entry *entry, struct place *place, struct failure *failure)
{
	int namespaces = CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS;
	place->init = (int)syscall(SYS_pidfd_open, enter->init, 0);
	place->cgroup = open_birthplace(entry);
	if (place->init < 0)
		return errno == ESRCH ? fail_as(failure, "conflict", "NOT_RUNNING", 0, "the container is not running")
				      : unsupported(errno, "cannot name the container's process", failure);
	if (place->cgroup < 0 && join_cgroups(entry, failure) < 0)
		return -1;
	return join_namespaces(place->init, namespaces, failure);
}

/* A namespace of processes takes only new ones; this one is to be the shim's child. */
static pid_t bear(const struct place *place)
{
	struct clone_args arguments = {.flags = CLONE_PARENT};
	if (place->cgroup < 0)
		return (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
	arguments.flags |= CLONE_INTO_CGROUP;
	arguments.cgroup = (uint64_t)place->cgroup;
	return (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
}

/* keyrings(7): runc's name for the container's session keyring; else one of its own, never the daemon's. */
static int join_keyring(const char *id, struct failure *failure)
{
	char name[160];
	snprintf(name, sizeof name, "_ses.%s", id);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name) >= 0 ||
	    syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0 || errno == ENOSYS)
		return 0;
	return fail(failure, "KEYRING_FAILED", errno, "cannot leave the session keyring");
}

/* A program of another user opens /dev/stdout anew: the streams become its own, as under runc. */
static int give_streams(uid_t uid, struct failure *failure)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat status;
		if (fstat(fd, &status) < 0 || status.st_uid == uid ||
		    (S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(fd, uid, (gid_t)-1) < 0 && errno != EPERM && errno != EROFS)
			return fail(failure, "STREAMS_FAILED", errno, "cannot give the streams to the user");
	}
	return 0;
}

static int set_terminal(struct span fields, int report, uid_t uid, struct failure *failure)
{
	setsid();
	if (field_number(fields, TAG_TERMINAL, 0) != 1)
		return give_streams(uid, failure);
	int terminal = -1;
	int master = program_terminal(fields, &terminal, failure);
	if (master < 0)
		return -1;
	if (ioctl(terminal, TIOCSCTTY, 0) < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot take the terminal");
	for (int fd = 0; fd < 3; fd++)
		dup2(terminal, fd);
	report_ready(report, master);
	close(master);
	close(terminal);
	return give_streams(uid, failure);
}

static int load_filter(struct span filter, struct failure *failure)
{
	struct sock_fprog program = {
		.len = (unsigned short)(filter.size / sizeof(struct sock_filter)),
		.filter = malloc(filter.size),
	};
	if (filter.size == 0)
		return 0;
	if (program.filter == NULL)
		return fail_as(failure, "exhausted", "NO_MEMORY", 0, "no memory for the filter of system calls");
	memcpy(program.filter, filter.data, filter.size);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		return fail(failure, "SECCOMP_FAILED", errno, "cannot load the filter of system calls");
	return 0;
}

/*
 * Inside. Without no_new_privs only a privileged process may load a filter, so it comes before the privileges
 * go; with it, it comes last and need not allow what happens here.
 */
static int become(const struct enter *enter, struct entry *entry, int report, struct failure *failure)
{
	const char *directory = entry->directory[0] == 0 ? "/" : entry->directory;
	if (join_keyring(enter->id, failure) < 0 ||
	    set_terminal(enter->fields, report, entry->credentials.uid, failure) < 0)
		return -1;
	if (chdir(directory) < 0)
		return fail_as(failure, "invalid", "DIRECTORY_UNUSABLE", errno,
			       "chdir to cwd (\"%.500s\") set in config.json failed", directory);
	if (program_limits(enter->fields, failure) < 0)
		return -1;
	umask(022);
	if (entry->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(failure, "PRIVILEGES_FAILED", errno, "cannot refuse new privileges");
	if (!entry->no_new_privileges && load_filter(entry->filter, failure) < 0)
		return -1;
	if (program_privileges(&entry->credentials, failure) < 0)
		return -1;
	char *program = program_find(entry->arguments[0], entry->environment, failure);
	if (program == NULL)
		return -1;
	program_reset_signals();
	if (entry->no_new_privileges && load_filter(entry->filter, failure) < 0)
		return -1;
	execve(program, entry->arguments, entry->environment);
	return program_failure(entry->arguments[0], errno, failure);
}

static void set_streams(const int streams[3], int report)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd < 3; fd++)
		dup2(streams[fd] >= 0 ? streams[fd] : null_fd, fd);
	/* Nothing else of the host's may be seen through the container's /proc (CVE-2024-21626). */
	dup2(report, REPORT_DESCRIPTOR);
	syscall(SYS_close_range, REPORT_DESCRIPTOR + 1, ~0U, 0);
	fcntl(REPORT_DESCRIPTOR, F_SETFD, FD_CLOEXEC);
}

void enter_run(const void *context, int report, const int streams[3])
{
	const struct enter *enter = context;
	struct failure failure;
	struct entry entry;
	struct place place;
	set_streams(streams, report);
	report = REPORT_DESCRIPTOR;
	prctl(PR_SET_NAME, "duet-enter");
	/* The container's root must not look into a process that still is the host's (CVE-2019-5736). */
	prctl(PR_SET_DUMPABLE, 0);
	program_oom_score(enter->fields);
	if (read_entry(enter->fields, &entry, &failure) < 0 || join(enter, &entry, &place, &failure) < 0) {
		report_failed(report, &failure);
		_exit(1);
	}
	pid_t pid = bear(&place);
	if (pid == 0) {
		if (join_namespaces(place.init, CLONE_NEWCGROUP, &failure) == 0) {
			/* Before any path of the container's choice is gone to: none may lead through these. */
			syscall(SYS_close_range, REPORT_DESCRIPTOR + 1, ~0U, 0);
			become(enter, &entry, report, &failure);
		}
		report_failed(report, &failure);
		_exit(127);
	}
	if (pid < 0) {
		if (place.cgroup >= 0 && errno != EAGAIN && errno != ENOMEM)
			unsupported(errno, "cannot start a process in the container's cgroup", &failure);
		else
			fail_as(&failure, "exhausted", "FORK_FAILED", errno, "cannot start a process in the container");
		report_failed(report, &failure);
		_exit(1);
	}
	report_pid(report, pid);
	_exit(0);
}

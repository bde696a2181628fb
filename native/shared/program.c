#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "protocol.h"

enum { LAST_CAPABILITY = 40 };

const char *program_variable(char *const *environment, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			found = *environment + length + 1;
	return found;
}

int program_limits(struct span fields, struct failure *failure)
{
	struct span group;
	for (struct span rest = fields; field_each(&rest, TAG_LIMIT, &group);) {
		struct rlimit limit = {
			.rlim_cur = field_number(group, TAG_SOFT, RLIM_INFINITY),
			.rlim_max = field_number(group, TAG_HARD, RLIM_INFINITY),
		};
		if (setrlimit((int)field_number(group, TAG_NUMBER, 0), &limit) < 0)
			return fail_as(failure, "invalid", "ULIMIT_FAILED", errno, "error setting rlimit");
	}
	return 0;
}

void program_oom_score(struct span fields)
{
	char text[16];
	int size = snprintf(text, sizeof text, "%d", (int)field_number(fields, TAG_OOM_SCORE, 1000) - 1000);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, text, (size_t)size) < 0)
		errno = 0; /* without the privilege it keeps its parent's */
	if (fd >= 0)
		close(fd);
}

/*
 * The workload may have put anything where its terminals are: no link is followed, and what was opened has to
 * be the multiplexer of a devpts (pts(4); the class of CVE-2025-52565). The other end comes from the first, not
 * by a path.
 */
int program_terminal(struct span fields, int *terminal, struct failure *failure)
{
	struct open_how how = {
		.flags = O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int master = (int)syscall(SYS_openat2, AT_FDCWD, "/dev/pts/ptmx", &how, sizeof how);
	struct stat status;
	struct statfs system;
	if (master < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot open a terminal");
	if (fstat(master, &status) < 0 || fstatfs(master, &system) < 0 || system.f_type != DEVPTS_SUPER_MAGIC ||
	    !S_ISCHR(status.st_mode) || status.st_rdev != makedev(5, 2))
		return fail(failure, "TERMINAL_FAILED", 0, "/dev/pts/ptmx makes no terminals");
	int unlock = 0;
	struct winsize size = {
		.ws_row = (unsigned short)field_number(fields, TAG_ROWS, 0),
		.ws_col = (unsigned short)field_number(fields, TAG_COLUMNS, 0),
	};
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0 ||
	    (*terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot open a terminal");
	if (size.ws_row != 0 || size.ws_col != 0)
		ioctl(master, TIOCSWINSZ, &size);
	return master;
}

void program_reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < 65; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_capabilities(uint64_t allowed)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(allowed >> (32 * i));
	data[1].effective = data[1].permitted &= (1u << (LAST_CAPABILITY - 31)) - 1;
	return (int)syscall(SYS_capset, &header, data);
}

int program_privileges(const struct credentials *credentials, struct failure *failure)
{
	uid_t uid = credentials->uid;
	gid_t gid = credentials->gid;
	for (unsigned i = 0; i <= LAST_CAPABILITY; i++)
		if ((credentials->capabilities & (1ull << i)) == 0 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 &&
		    errno != EINVAL)
			return fail(failure, "CAPABILITIES_FAILED", errno, "cannot drop capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return fail(failure, "CAPABILITIES_FAILED", errno, "cannot drop capabilities");
	if (syscall(SYS_setgroups, credentials->group_count, credentials->groups) < 0 ||
	    syscall(SYS_setresgid, gid, gid, gid) < 0 || syscall(SYS_setresuid, uid, uid, uid) < 0)
		return fail(failure, "USER_FAILED", errno, "cannot become the user");
	if (set_capabilities(uid == 0 ? credentials->capabilities : 0) < 0)
		return fail(failure, "CAPABILITIES_FAILED", errno, "cannot set capabilities");
	return 0;
}

static int not_found(const char *name, struct failure *failure)
{
	if (strchr(name, '/') != NULL)
		return fail_as(failure, "invalid", "COMMAND_NOT_FOUND", 0,
			       "exec: \"%.500s\": stat %.400s: no such file or directory: unknown", name, name);
	return fail_as(failure, "invalid", "COMMAND_NOT_FOUND", 0,
		       "exec: \"%.500s\": executable file not found in $PATH: unknown", name);
}

static int not_executable(const char *name, int number, struct failure *failure)
{
	return fail_as(failure, "invalid", "COMMAND_NOT_EXECUTABLE", 0, "exec: \"%.500s\": %s: unknown", name,
		       number == EACCES ? "permission denied" : strerror(number));
}

int program_failure(const char *name, int number, struct failure *failure)
{
	return number == ENOENT ? not_found(name, failure) : not_executable(name, number, failure);
}

static bool is_program(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

static char *copy_of(const char *path, struct failure *failure)
{
	char *copy = strdup(path);
	if (copy == NULL)
		fail_as(failure, "exhausted", "NO_MEMORY", 0, "no memory for the process");
	return copy;
}

char *program_find(const char *name, char *const *environment, struct failure *failure)
{
	char path[4096];
	if (strchr(name, '/') != NULL) {
		if (is_program(name))
			return copy_of(name, failure);
		program_failure(name, access(name, F_OK) < 0 ? ENOENT : EACCES, failure);
		return NULL;
	}
	const char *folders = program_variable(environment, "PATH");
	if (folders == NULL)
		folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (*folders != 0) {
		size_t length = strcspn(folders, ":");
		int size = snprintf(path, sizeof path, "%.*s/%s", (int)length, folders, name);
		if (length > 0 && size < (int)sizeof path && is_program(path))
			return copy_of(path, failure);
		folders += length + (folders[length] == ':');
	}
	not_found(name, failure);
	return NULL;
}

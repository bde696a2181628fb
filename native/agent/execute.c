/* From the entered tree to the running program: credentials, limits, terminal, exec. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"

enum { LAST_CAPABILITY = 40 };

static int no_memory(struct failure *failure)
{
	return fail_as(failure, "exhausted", "NO_MEMORY", 0, "the guest has no memory for the process");
}

static const char *environment_value(char *const *environment, const char *name)
{
	size_t length = strlen(name);
	const char *found = NULL;
	for (; *environment != NULL; environment++)
		if (strncmp(*environment, name, length) == 0 && (*environment)[length] == '=')
			found = *environment + length + 1;
	return found;
}

/* HOME comes from the image's /etc/passwd unless it was asked for. */
static int add_home(struct launch *launch, size_t count)
{
	char home[600];
	if (environment_value(launch->environment, "HOME") != NULL)
		return 0;
	char **grown = realloc(launch->environment, (count + 2) * sizeof *grown);
	if (grown == NULL)
		return -1;
	snprintf(home, sizeof home, "HOME=%s", launch->identity.home);
	launch->environment = grown;
	grown[count] = strdup(home);
	grown[count + 1] = NULL;
	return grown[count] == NULL ? -1 : 0;
}

int execute_prepare(struct launch *launch, struct failure *failure)
{
	size_t count, arguments;
	launch->arguments = field_texts(launch->fields, TAG_ARGUMENT, &arguments);
	launch->environment = field_texts(launch->fields, TAG_ENVIRONMENT, &count);
	char **groups = field_texts(launch->fields, TAG_GROUP, NULL);
	char *user = field_text(launch->fields, TAG_USER);
	launch->directory = field_text(launch->fields, TAG_DIRECTORY);
	if (launch->arguments == NULL || launch->environment == NULL || groups == NULL)
		return fail_as(failure, "invalid", "PROCESS_INVALID", 0, "an argument or variable holds a NUL");
	if (arguments == 0 || launch->arguments[0][0] == 0)
		return fail_as(failure, "invalid", "COMMAND_EMPTY", 0, "no command specified");
	int root = open(launch->is_main ? AGENT_ROOT : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return fail(failure, "ROOT_MISSING", errno, "the root is not mounted");
	int found = user_lookup(root, user == NULL ? "" : user, groups, &launch->identity, failure);
	close(root);
	if (found < 0)
		return -1;
	return add_home(launch, count) < 0 ? no_memory(failure) : 0;
}

/* Makes the missing parts of the working directory, as Docker does, and goes there. */
static int enter_directory(struct launch *launch, struct failure *failure)
{
	char partial[4096];
	const char *path = launch->directory;
	if (path == NULL || path[0] == 0)
		path = "/";
	if (chdir(path) == 0)
		return 0;
	size_t length = strlen(path);
	if (errno == ENOENT && launch->is_main && length < sizeof partial) {
		for (size_t i = 1; i <= length; i++) {
			if (path[i] != '/' && path[i] != 0)
				continue;
			memcpy(partial, path, i);
			partial[i] = 0;
			mkdir(partial, 0755);
		}
		if (chdir(path) == 0)
			return 0;
	}
	return fail_as(failure, "invalid", "DIRECTORY_UNUSABLE", errno, "chdir to cwd (\"%.500s\") set in config.json failed",
		       path);
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

static bool is_program(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

static int find_program(struct launch *launch, struct failure *failure)
{
	const char *name = launch->arguments[0];
	char path[4096];
	if (strchr(name, '/') != NULL) {
		if (access(name, F_OK) < 0)
			return not_found(name, failure);
		if (!is_program(name))
			return not_executable(name, EACCES, failure);
		launch->program = strdup(name);
		return launch->program == NULL ? no_memory(failure) : 0;
	}
	const char *folders = environment_value(launch->environment, "PATH");
	if (folders == NULL)
		folders = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
	while (folders != NULL && *folders != 0) {
		size_t length = strcspn(folders, ":");
		int size = snprintf(path, sizeof path, "%.*s/%s", (int)length, folders, name);
		if (length > 0 && size < (int)sizeof path && is_program(path)) {
			launch->program = strdup(path);
			return launch->program == NULL ? no_memory(failure) : 0;
		}
		folders += length + (folders[length] == ':');
	}
	return not_found(name, failure);
}

/* The slave is the workload's own devpts'; the master goes to the agent with the report. */
int execute_terminal(struct launch *launch, struct failure *failure)
{
	int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	int unlock = 0;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot open a terminal");
	launch->terminal = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (launch->terminal < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot open a terminal");
	struct winsize size = {
		.ws_row = (unsigned short)field_number(launch->fields, TAG_ROWS, 0),
		.ws_col = (unsigned short)field_number(launch->fields, TAG_COLUMNS, 0),
	};
	if (size.ws_row != 0 || size.ws_col != 0)
		ioctl(master, TIOCSWINSZ, &size);
	if (launch->is_main) {
		char source[64];
		int console = open("/dev/console", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		close(console);
		unsigned number = 0;
		if (ioctl(master, TIOCGPTN, &number) == 0) {
			snprintf(source, sizeof source, "/dev/pts/%u", number);
			mount(source, "/dev/console", NULL, MS_BIND, NULL);
		}
	}
	if (setsid() < 0 || ioctl(launch->terminal, TIOCSCTTY, 0) < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot take the terminal");
	for (int fd = 0; fd < 3; fd++)
		dup2(launch->terminal, fd);
	if (fchown(launch->terminal, launch->identity.uid, (gid_t)-1) < 0)
		return fail(failure, "TERMINAL_FAILED", errno, "cannot give the terminal away");
	return master;
}

static int apply_limits(struct span fields, struct failure *failure)
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

static void set_oom_score(struct span fields)
{
	char text[16];
	int size = snprintf(text, sizeof text, "%d", (int)field_number(fields, TAG_OOM_SCORE, 1000) - 1000);
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, text, (size_t)size) < 0)
		errno = 0;
	close(fd);
}

/* Bounding and permitted sets are `allowed`, inheritable and ambient empty (CVE-2022-24769). */
static int drop_privileges(struct launch *launch, uint64_t allowed, struct failure *failure)
{
	const struct identity *identity = &launch->identity;
	for (unsigned i = 0; i <= LAST_CAPABILITY; i++)
		if ((allowed & (1ull << i)) == 0 && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
			return fail(failure, "CAPABILITIES_FAILED", errno, "cannot drop capabilities");
	if (syscall(SYS_setgroups, identity->group_count, identity->groups) < 0 ||
	    syscall(SYS_setresgid, identity->gid, identity->gid, identity->gid) < 0 ||
	    syscall(SYS_setresuid, identity->uid, identity->uid, identity->uid) < 0)
		return fail(failure, "USER_FAILED", errno, "cannot become the user");
	if (identity->uid != 0)
		return 0;
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};
	for (int i = 0; i < 2; i++)
		data[i].effective = data[i].permitted = (uint32_t)(allowed >> (32 * i));
	data[1].effective = data[1].permitted &= (1u << (LAST_CAPABILITY - 31)) - 1;
	if (syscall(SYS_capset, &header, data) < 0)
		return fail(failure, "CAPABILITIES_FAILED", errno, "cannot set capabilities");
	return 0;
}

static void reset_signals(void)
{
	sigset_t none;
	for (int number = 1; number < 65; number++)
		signal(number, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything that a failed launch can tell before START; the caller then waits and executes. */
static int ready(struct launch *launch, uint64_t allowed, struct failure *failure)
{
	if (enter_directory(launch, failure) < 0 || apply_limits(launch->main, failure) < 0)
		return -1;
	set_oom_score(launch->main);
	if (drop_privileges(launch, allowed, failure) < 0)
		return -1;
	if (field_number(launch->main, TAG_NO_NEW_PRIVILEGES, 0) == 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(failure, "PRIVILEGES_FAILED", errno, "cannot refuse new privileges");
	return find_program(launch, failure);
}

static void await_start(int report)
{
	char byte;
	while (read(report, &byte, 1) < 0 && errno == EINTR)
		;
}

int execute_now(struct launch *launch, struct failure *failure)
{
	uint64_t allowed = field_number(launch->main, TAG_CAPABILITIES, 0);
	int master = -1;
	if (field_number(launch->fields, TAG_PRIVILEGED, 0) == 1)
		allowed = ~0ull;
	if (field_number(launch->fields, TAG_TERMINAL, 0) == 1) {
		master = execute_terminal(launch, failure);
		if (master < 0)
			return -1;
	} else {
		setsid();
	}
	if (ready(launch, allowed, failure) < 0)
		return -1;
	if (launch->is_main || master >= 0)
		report_ready(launch->report, master);
	close(master);
	if (launch->is_main)
		await_start(launch->report);
	umask(022);
	if (launch->with_init) {
		pid_t child = fork();
		if (child < 0)
			return fail(failure, "FORK_FAILED", errno, "cannot start the process");
		if (child > 0) {
			close(launch->report);
			child_init(child);
		}
		setpgid(0, 0);
		if (master >= 0)
			tcsetpgrp(0, getpid());
	}
	reset_signals();
	execve(launch->program, launch->arguments, launch->environment);
	if (errno == ENOENT)
		return not_found(launch->arguments[0], failure);
	return not_executable(launch->arguments[0], errno, failure);
}

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
#include "program.h"
#include "report.h"

static int no_memory(struct failure *failure)
{
	return fail_as(failure, "exhausted", "NO_MEMORY", 0, "the guest has no memory for the process");
}

/* HOME comes from the image's /etc/passwd unless it was asked for. */
static int add_home(struct launch *launch, size_t count)
{
	char home[600];
	if (program_variable(launch->environment, "HOME") != NULL)
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
	if (launch->is_main)
		return fail_as(failure, "invalid", "DIRECTORY_UNUSABLE", errno, "mkdir %.500s", path);
	return fail_as(failure, "invalid", "DIRECTORY_UNUSABLE", errno, "chdir to cwd (\"%.500s\") set in config.json failed",
		       path);
}

/* The slave is the workload's own devpts'; the master goes to the agent with the report. */
int execute_terminal(struct launch *launch, struct failure *failure)
{
	int master = program_terminal(launch->fields, &launch->terminal, failure);
	if (master < 0)
		return -1;
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

/* Everything that a failed launch can tell before START; the caller then waits and executes. */
static int ready(struct launch *launch, uint64_t allowed, struct failure *failure)
{
	const struct identity *identity = &launch->identity;
	const struct credentials credentials = {
		.uid = identity->uid,
		.gid = identity->gid,
		.groups = identity->groups,
		.group_count = identity->group_count,
		.capabilities = allowed,
	};
	if (enter_directory(launch, failure) < 0 || program_limits(launch->main, failure) < 0)
		return -1;
	program_oom_score(launch->main);
	if (program_privileges(&credentials, failure) < 0)
		return -1;
	if (field_number(launch->main, TAG_NO_NEW_PRIVILEGES, 0) == 1 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return fail(failure, "PRIVILEGES_FAILED", errno, "cannot refuse new privileges");
	launch->program = program_find(launch->arguments[0], launch->environment, failure);
	return launch->program == NULL ? -1 : 0;
}

static void await_start(int report)
{
	char byte;
	while (read(report, &byte, 1) < 0 && errno == EINTR)
		;
}

/* A file that looked like a program is found out too late for START to fail: runc's program ends like this. */
static void __attribute__((noreturn)) die_unrun(struct launch *launch, int number)
{
	char words[64];
	snprintf(words, sizeof words, "%s", strerror(number));
	words[0] |= 0x20;
	close(launch->report);
	dprintf(STDERR_FILENO, "exec %.500s: %s\n", launch->program, words);
	_exit(255);
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
	program_reset_signals();
	execve(launch->program, launch->arguments, launch->environment);
	if (launch->is_main)
		die_unrun(launch, errno);
	return program_failure(launch->arguments[0], errno, failure);
}

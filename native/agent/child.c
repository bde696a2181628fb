#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "report.h"
#include "rootfs.h"

void child_init(pid_t child)
{
	sigset_t all;
	siginfo_t information;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	prctl(PR_SET_NAME, "duet-init");
	for (;;) {
		int number = sigwaitinfo(&all, &information);
		if (number != SIGCHLD) {
			if (number > 0 && number != SIGTTOU && number != SIGTTIN)
				kill(child, number);
			continue;
		}
		int status;
		for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
			if (pid == child)
				_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
}

static void redirect(const int streams[3])
{
	for (int fd = 0; fd < 3; fd++) {
		if (streams[fd] >= 0)
			dup2(streams[fd], fd);
		else if (fd == 0)
			dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	}
}

static int join_main(struct failure *failure)
{
	if (setns(agent.main_mount_namespace, CLONE_NEWNS) < 0 ||
	    (agent.main_cgroup_namespace >= 0 && setns(agent.main_cgroup_namespace, CLONE_NEWCGROUP) < 0))
		return fail(failure, "JOIN_FAILED", errno, "cannot join the workload");
	return 0;
}

static void run_program(bool is_main, struct span fields, int report)
{
	struct failure failure;
	struct launch launch = {
		.fields = fields,
		.main = is_main ? fields : kept_create,
		.setup = kept_setup,
		.report = report,
		.is_main = is_main,
		.terminal = -1,
		.with_init = is_main && field_number(fields, TAG_INIT, 0) == 1,
	};
	int result;
	if (is_main) {
		if (agent.guest)
			unshare(CLONE_NEWCGROUP);
		result = execute_prepare(&launch, &failure) < 0 || inside_enter(&launch, &failure) < 0;
	} else {
		result = join_main(&failure) < 0 || execute_prepare(&launch, &failure) < 0;
	}
	if (!result)
		execute_now(&launch, &failure);
	report_failed(report, &failure);
	_exit(strcmp(failure.code, "COMMAND_NOT_EXECUTABLE") == 0 ? 126 : 127);
}

/* The root as the running workload sees it, or the root disk where none runs. */
static int open_root(void)
{
	struct failure failure;
	if (agent.main_mount_namespace >= 0 && join_main(&failure) == 0)
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (agent.state == STATE_OPEN && inside_mount_shares(&failure) < 0) {
		fprintf(stderr, "duet-agent: %s\n", failure.message);
		return -1;
	}
	return open(AGENT_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

enum { ROOT_DESCRIPTOR = 3 };

/*
 * This child runs no program, so nothing closes the agent's descriptors for it: the other end of
 * its own input among them would keep it from ever seeing the end of that input.
 */
static void serve_root(const int streams[3])
{
	int root = open_root();
	if (root < 0)
		return;
	redirect(streams);
	if (root != ROOT_DESCRIPTOR)
		dup2(root, ROOT_DESCRIPTOR);
	syscall(SYS_close_range, ROOT_DESCRIPTOR + 1, ~0U, 0);
	rootfs_serve(STDIN_FILENO, STDOUT_FILENO, ROOT_DESCRIPTOR);
}

static void flush_root(void)
{
	int fd = open(AGENT_ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_exit(fd < 0 || syncfs(fd) < 0);
}

void child_run(enum process_kind kind, struct span fields, int report, const int streams[3])
{
	switch (kind) {
	case PROCESS_MAIN:
	case PROCESS_EXEC:
		redirect(streams);
		run_program(kind == PROCESS_MAIN, fields, report);
		break;
	case PROCESS_ROOTFS:
		serve_root(streams);
		break;
	case PROCESS_LISTING:
		redirect(streams);
		listing_put();
		break;
	case PROCESS_FREEZE:
		_exit(freeze_workload(field_number(fields, TAG_FROZEN, 0) == 1) < 0);
	case PROCESS_SYNC:
	case PROCESS_FINAL_SYNC:
		flush_root();
	}
	_exit(0);
}

#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const usual[] = {
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"LANG=C.UTF-8",
	"HOME=/root",
	"XDG_RUNTIME_DIR=/run",
	NULL,
};

/* The shim's own score keeps it alive; its children are to be judged like everybody. */
static void reset_oom_score(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "0", 1) < 0)
		errno = 0;
	close(fd);
}

static void reset_signals(void)
{
	sigset_t none;
	sigemptyset(&none);
	struct sigaction standard = {.sa_handler = SIG_DFL};
	for (int number = 1; number < 32; number++)
		sigaction(number, &standard, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void set_descriptor(int fd, int number, int null_fd)
{
	int from = fd < 0 ? null_fd : fd;
	if (from == number)
		fcntl(number, F_SETFD, 0);
	else
		dup2(from, number);
}

static void run_child(const struct spawn *spawn, int null_fd, int report_fd)
{
	reset_signals();
	reset_oom_score();
	/* Out of the way of the numbers that `prepare` gives away. */
	report_fd = fcntl(report_fd, F_DUPFD_CLOEXEC, 200);
	/* Descriptors 0-2 of the shim are /dev/null, so nothing to be duplicated is among them. */
	set_descriptor(spawn->input, 0, null_fd);
	set_descriptor(spawn->output, 1, null_fd);
	set_descriptor(spawn->errors, 2, null_fd);
	int number = spawn->prepare == NULL ? 0 : spawn->prepare(spawn->context);
	if (number == 0) {
		environ = spawn->environment == NULL ? (char **)usual : spawn->environment;
		execvpe(spawn->argv[0], spawn->argv, environ);
		number = errno;
	}
	if (write(report_fd, &number, sizeof number) < 0)
		_exit(126);
	_exit(127);
}

pid_t spawn(const struct spawn *spawn, struct failure *failure)
{
	int report[2];
	if (pipe2(report, O_CLOEXEC) < 0)
		return fail(failure, "SPAWN_FAILED", errno, "cannot start %s", spawn->argv[0]);
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	pid_t pid = null_fd < 0 ? -1 : fork();
	if (pid == 0)
		run_child(spawn, null_fd, report[1]);
	int number = errno;
	close(report[1]);
	if (null_fd >= 0)
		close(null_fd);
	if (pid < 0) {
		close(report[0]);
		return fail(failure, "SPAWN_FAILED", number, "cannot start %s", spawn->argv[0]);
	}
	ssize_t got;
	do
		got = read(report[0], &number, sizeof number);
	while (got < 0 && errno == EINTR);
	close(report[0]);
	if (got != sizeof number)
		return pid;
	waitpid(pid, NULL, 0);
	return fail_as(failure, "unavailable", "SPAWN_FAILED", number, "cannot start %s", spawn->argv[0]);
}

int exit_code(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

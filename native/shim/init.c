/*
 * duet-init: PID 1 of a container started with --init. Runs the program given after `--`, hands signals
 * on to it, reaps what it leaves behind and ends with its exit code. Static, so that it works in any root.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(char **argv, const sigset_t *mask)
{
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	int number = errno;
	fprintf(stderr, "exec %s: %s\n", argv[0], strerror(number));
	_exit(number == ENOENT ? 127 : 126);
}

/* Exit code of `child` once it has ended, else -1; reaps all others. */
static int reap(pid_t child)
{
	int status;
	pid_t pid;
	int code = -1;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child)
			code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return code;
}

int main(int argc, char **argv)
{
	char **program = argv + 1;
	if (argc > 1 && strcmp(argv[1], "--") == 0)
		program++;
	if (*program == NULL) {
		fprintf(stderr, "usage: duet-init -- PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	/* tcsetpgrp from the background stops who does not ignore these. */
	signal(SIGTTOU, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	pid_t child = fork();
	if (child < 0) {
		perror("duet-init: fork");
		return 1;
	}
	if (child == 0) {
		setpgid(0, 0);
		/* Fails without a terminal, which is as good. */
		if (tcsetpgrp(STDIN_FILENO, getpgrp()) < 0)
			errno = 0;
		signal(SIGTTOU, SIG_DFL);
		signal(SIGTTIN, SIG_DFL);
		run(program, &before);
	}
	for (;;) {
		siginfo_t info;
		int number = sigwaitinfo(&all, &info);
		if (number < 0)
			continue;
		if (number != SIGCHLD) {
			kill(child, number);
			continue;
		}
		int code = reap(child);
		if (code >= 0)
			return code;
	}
}

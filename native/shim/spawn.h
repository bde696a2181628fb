/* Starting programs of the host. */
#ifndef DUET_SPAWN_H
#define DUET_SPAWN_H

#include <sys/types.h>

#include "failure.h"

struct spawn {
	char *const *argv;      /* argv[0] is a path or found in the fixed program path */
	int input;              /* becomes 0; -1 for /dev/null */
	int output;             /* becomes 1; -1 for /dev/null */
	int errors;             /* becomes 2; -1 for /dev/null */
	char **environment;     /* NULL for the usual minimal one */
	int (*prepare)(void *); /* runs in the child after the descriptors are set; non-0 (an errno) gives up */
	void *context;
};

/*
 * Forks and executes with default signals, a minimal environment, oom_score_adj 0 and no other
 * descriptor of ours (all are close-on-exec). The pid, or -1 with `failure`: a program that cannot be
 * executed is reported here, not by an exit code.
 */
pid_t spawn(const struct spawn *spawn, struct failure *failure);

/* Exit code as a shell gives it, from waitpid's status. */
int exit_code(int status);

#endif

/* The execs of a container, and how its OCI runtime is asked for any process. */
#ifndef DUET_EXECS_H
#define DUET_EXECS_H

#include "process.h"

struct runtime {
	char **argv; /* up to and without the verb */
	char *id;
	int network; /* the host's network namespace, in which the runtime runs; -1 where that is ours too */
};

/* A spawn's `prepare`: runtimes refuse settings of a namespace that is their own, taking it for the host's. */
int runtime_prepare(void *runtime);

/* Runs `RUNTIME VERB ... ID`; `name` names the files that it needs in the run directory. */
int runtime_launch(struct process *process, const struct runtime *runtime, const char *name, char *const *verb,
		   struct failure *failure);
/* The fields of CREATE or EXEC about streams and terminal. */
void process_read(struct process *process, struct span fields);

/* EXEC, into the container of process `init`; `when_settled` is called whenever an exec has ended. */
void execs_start(struct channel *channel, struct span fields, const struct runtime *runtime, pid_t init,
		 void (*when_settled)(void));
/* The exec whose streams this channel carries. */
struct process *execs_find(const struct channel *channel);
bool execs_alive(void);
void execs_kill(void);

#endif

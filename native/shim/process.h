/*
 * A process of a container: the main one, which the OCI runtime makes, or an exec, which a fork of the shim or
 * the runtime makes. The maker exits once it is made; the process then belongs to the shim, its subreaper.
 */
#ifndef DUET_PROCESS_H
#define DUET_PROCESS_H

#include "hub.h"
#include "report.h"
#include "spawn.h"

struct process {
	struct hub hub;
	struct child runtime; /* the maker, while it makes */
	struct child child;
	struct source report; /* of a fork that makes it; else fd is -1 */
	struct report entry; /* what the fork said where it failed */
	bool abandoned;
	struct source outputs[2]; /* stdout (or the terminal) and stderr */
	struct source input;
	struct timer drain;
	int runtime_errors; /* with a terminal: the runtime's own stderr; else -1 */
	int console_socket; /* listening; -1 where there is no terminal */
	char *console_path;
	char *pid_path;
	pid_t pid; /* 0 until made */
	bool open_stdin;
	bool flowing; /* outputs are read */
	bool exited;
	bool finished;
	int exit_code;
	int64_t exited_at; /* milliseconds since the epoch */
	unsigned rows, columns;
	void *owner;
	/* The runtime has ended: made, or not with a reason. */
	void (*made)(struct process *process, const struct failure *failure);
	/* The process has ended; its output may still be on its way. */
	void (*ended)(struct process *process);
	/* It has ended and all its output is delivered. */
	void (*done)(struct process *process);
};

/* Makes the hub and the descriptors ready; clients may attach from now on. */
void process_init(struct process *process);
/*
 * Runs the runtime as `request` says, with descriptors for the process's streams. Its argv names the two
 * paths (malloc'd), which the process takes over.
 */
int process_launch(struct process *process, struct spawn *request, char *pid_path, char *console_path,
		   struct failure *failure);
/* The same without a runtime: `run` is what a fork does, whose words come through the socket `report`. */
int process_fork(struct process *process, void (*run)(const void *context, int report, const int streams[3]),
		 const void *context, struct failure *failure);
/* Outputs flow from now on. */
void process_flow(struct process *process);
int process_resize(struct process *process, unsigned rows, unsigned columns, struct failure *failure);
int process_signal(struct process *process, int number, struct failure *failure);
/* The runtime or the process itself still runs. */
bool process_alive(const struct process *process);
/* SIGKILL for both. */
void process_kill(struct process *process);
/* SIGKILL for the maker while it makes the process, and for what it has made so far; `made` then fails. */
void process_give_up(struct process *process);
/* Closes everything; not the hub's log. */
void process_dispose(struct process *process);

#endif

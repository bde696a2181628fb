/*
 * The event loop: one thread, epoll, signalfd for children, a handful of timers. What a callback frees
 * is really freed only after the round, so that a pending event never meets freed memory.
 */
#ifndef DUET_LOOP_H
#define DUET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The structure whose `member` this points to. */
#define owner_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

/* A descriptor watched by the loop; embed it first. fd is -1 while it is not watched. */
struct source {
	int fd;
	uint32_t events; /* 0 while paused */
	void (*ready)(struct source *source, uint32_t events);
};

/* A child or adopted grandchild; `ended` gets waitpid's status. */
struct child {
	pid_t pid;
	void (*ended)(struct child *child, int status);
	struct child *next;
};

struct timer {
	int64_t due; /* milliseconds of CLOCK_MONOTONIC; 0 while unarmed */
	void (*fired)(struct timer *timer);
	struct timer *next;
};

/* -1 with errno. Becomes a subreaper and takes SIGCHLD. */
int loop_open(void);
/* Runs until loop_stop. */
void loop_run(void);
void loop_stop(void);

int source_add(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t));
/* 0 pauses: not even a hang-up is reported until events are wanted again. */
void source_change(struct source *source, uint32_t events);
/* Stops watching and closes the descriptor. Nothing where it is not watched. */
void source_close(struct source *source);

/*
 * Calls `ended` once the process is gone. A process that was adopted and ended while an
 * expect_orphans was open is reported from the next round on.
 */
void child_watch(struct child *child, pid_t pid, void (*ended)(struct child *, int));
void child_forget(struct child *child);
/* While open, statuses of unknown children are kept: their pid is about to be learnt from a pid file. */
void expect_orphans(void);
void expect_orphans_end(void);

void timer_start(struct timer *timer, int64_t milliseconds, void (*fired)(struct timer *));
void timer_stop(struct timer *timer);

/* free() after this round. */
void free_later(void *memory);

#endif

/* The last steps of a process before it becomes a workload's program, alike in a guest and in a container. */
#ifndef DUET_PROGRAM_H
#define DUET_PROGRAM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "fields.h"

struct credentials {
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t group_count;
	uint64_t capabilities; /* bit n is capability n: the bounding set, and what root may do */
};

/* Value of a variable, the last one given; NULL where there is none. */
const char *program_variable(char *const *environment, const char *name);

/* Sets each TAG_LIMIT. */
int program_limits(struct span fields, struct failure *failure);

/* As TAG_OOM_SCORE says, where this process may. */
void program_oom_score(struct span fields);

/* A pseudo-terminal of the devpts at /dev/pts, of the size that `fields` say: its master, and `terminal`. */
int program_terminal(struct span fields, int *terminal, struct failure *failure);

/* Every signal does what it does by default, and none is blocked. */
void program_reset_signals(void);

/* Becomes the user, with nothing inheritable or ambient (CVE-2022-24769). */
int program_privileges(const struct credentials *credentials, struct failure *failure);

/*
 * A malloc'd path of the program that `name` means to this user: itself where it holds a slash, else found in
 * PATH. NULL with COMMAND_NOT_FOUND or COMMAND_NOT_EXECUTABLE.
 */
char *program_find(const char *name, char *const *environment, struct failure *failure);

/* What an execve(2) that failed with `number` means. -1. */
int program_failure(const char *name, int number, struct failure *failure);

#endif

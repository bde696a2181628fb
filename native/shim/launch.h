/* Between process.c and launch.c. */
#ifndef DUET_LAUNCH_H
#define DUET_LAUNCH_H

#include "process.h"

/* Descriptors for a program's 0, 1 and 2; ours go into the sources. 0 or an errno. */
int process_open_pipes(struct process *process, int theirs[3]);
/* Output and input are this pseudo-terminal's, which the process takes over. */
void process_take_terminal(struct process *process, int master);
/* Its end is looked out for, by `pid`. */
void process_made(struct process *process);
/* Closes what only its making needs. */
void launch_close(struct process *process);

#endif

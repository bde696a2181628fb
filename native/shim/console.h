/* The OCI runtimes' console socket: the master of a terminal comes over it. */
#ifndef DUET_CONSOLE_H
#define DUET_CONSOLE_H

#include "failure.h"

/* Listens on a new unix socket, mode 0600. -1 with errno. */
int console_listen(const char *path);
/* Takes the master that a runtime has sent already; never waits. */
int console_receive(int listening, struct failure *failure);

/* Listening socket for clients or the console; `backlog` as in listen(2). */
int unix_listen(const char *path, int backlog);

#endif

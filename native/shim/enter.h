/*
 * An exec without the OCI runtime: a fork of the shim joins the cgroups and namespaces of the container's
 * main process, takes on the container's rules and becomes the program.
 */
#ifndef DUET_ENTER_H
#define DUET_ENTER_H

#include <sys/types.h>

#include "fields.h"

struct enter {
	pid_t init;        /* main process of the container; the shim is its reaper, so the number stays its own */
	const char *id;
	struct span fields; /* of EXEC */
};

/*
 * What the fork does (a process_fork's `run`, with a struct enter): never returns. A host whose kernel or cgroups
 * do not suit is reported as ENTER_UNSUPPORTED: the OCI runtime can do it then. `streams` are the program's 0-2,
 * -1 for none.
 */
void enter_run(const void *enter, int report, const int streams[3]);

#endif

/* What QEMU is put into before it runs: descriptors, cgroups, limits, namespaces, its own root, an unprivileged user. */
#ifndef DUET_JAIL_H
#define DUET_JAIL_H

#include <stdbool.h>
#include <sys/types.h>

#include "failure.h"
#include "fields.h"

enum { JAIL_DESCRIPTORS = 16 };

struct jail {
	bool wanted;       /* false: only the descriptors are set */
	struct span fields; /* TAG_JAIL's value; borrowed */
	uid_t uid;
	gid_t gid;
	char *root;        /* NULL keeps the host's tree */
	char **cgroups;
	struct {
		int from;
		int to;
	} descriptors[JAIL_DESCRIPTORS];
	int descriptor_count;
};

/* Reads TAG_JAIL of CONFIGURE. */
int jail_read(struct jail *jail, struct span fields, struct failure *failure);
/* `from` becomes descriptor `to` (3-199) in the child. */
int jail_descriptor(struct jail *jail, int from, int to, struct failure *failure);
/* A spawn's `prepare`; context is the jail. */
int jail_enter(void *context);
/* Frees, and closes our copies of the descriptors. */
void jail_free(struct jail *jail);

#endif

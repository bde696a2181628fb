/* Getting into a tree, and giving up what is not needed there. Only the stand-alone helper does this. */
#ifndef DUET_ROOTFS_ENTER_H
#define DUET_ROOTFS_ENTER_H

#include "wire.h"

struct entry_failure {
	int number;
	const char *what;
};

enum { ENTER_MOUNTS = 1, ENTER_PROCESS = 2 };

/*
 * Enters what an ENTER payload names, in a mount namespace of its own, and makes it this process's root.
 * Gives the root's descriptor, or -1 and fills `failure`. `beside` becomes that of a second tree, read-only and in no
 * place, where the payload names one.
 */
int enter(struct cursor *payload, int *beside, struct entry_failure *failure);

/*
 * Makes the mounts of an EXECUTE payload in a mount namespace of its own, at the folder it names, and
 * turns into the program that it names. Returns only when that fails.
 */
void execute(struct cursor *payload, struct entry_failure *failure);

/* Keeps the capabilities to own, write and label any file (and to mark overlay layers, for `layer`), and
 * the system calls that operations use. */
int confine(bool layer);

#endif

/* Mounts that the daemon describes, made in this process's mount namespace. */
#ifndef DUET_MOUNTS_H
#define DUET_MOUNTS_H

#include "failure.h"
#include "fields.h"

/* Makes every TAG_MOUNT of `fields`, in order; mount points must exist. */
int mounts_make(struct span fields, struct failure *failure);

/* The same inside `root`, making the missing mount points: `root` must be ours and empty of links. */
int mounts_make_in(struct span fields, const char *root, struct failure *failure);

/* Binds every TAG_MOUNT of `fields` from our namespace into that of `pid`, making missing folders there. */
int mounts_send(struct span fields, int pid, struct failure *failure);

/* A mount namespace of our own that still sees later mounts of the host. */
int mounts_unshare(struct failure *failure);

#endif

/* Mounts that the daemon describes, made in this process's mount namespace. */
#ifndef DUET_MOUNTS_H
#define DUET_MOUNTS_H

#include "failure.h"
#include "fields.h"

/* Makes every TAG_MOUNT of `fields`, in order; `prefix` is put before each TAG_MOUNT_POINT. */
int mounts_make(struct span fields, const char *prefix, struct failure *failure);

/* Binds every TAG_MOUNT of `fields` from our namespace into that of `pid`. */
int mounts_send(struct span fields, int pid, struct failure *failure);

/* A mount namespace of our own that still sees later mounts of the host. */
int mounts_unshare(struct failure *failure);

#endif

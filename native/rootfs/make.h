/* What the operations that make something share. */
#ifndef DUET_ROOTFS_MAKE_H
#define DUET_ROOTFS_MAKE_H

#include "session.h"

/* Something may come back between removing and making, as often as an attacker likes. */
#define MAKE_ATTEMPTS 8

/* fchmodat2(2), by one number everywhere; headers older than Linux 6.6 do not have it. */
#define CALL_FCHMODAT2 452

/* The payload was not what its operation says: ends the session. */
struct outcome malformed(struct session *session);

/* The list of attributes, checked to be whole; `payload` goes on after it. */
struct cursor take_attributes(struct cursor *payload);

/*
 * Removes what is at `name` as `policy` allows, so that something that is (or is not) a directory can
 * be made there. -1 with errno; `folder` is opened anew where it was forgotten.
 */
int make_room(struct session *session, int *folder, const char *path, char *name, uint8_t policy, bool directory);

/* Owner, mode, attributes and times, in the order in which none undoes another. */
struct outcome finish_file(int fd, const struct metadata *metadata, struct cursor attributes);

#endif

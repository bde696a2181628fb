/* Files of one folder as members of a ustar archive, many in one answer. */
#ifndef DUET_ROOTFS_PACK_H
#define DUET_ROOTFS_PACK_H

#include "session.h"

struct pack {
	struct answer answer;
	bool open;
	uint32_t count;
	uint64_t size; /* of the contents */
	size_t start;  /* of the payload in the link's output */
};

/*
 * Adds an open file that needs no more than a header says: one name, small, whole and without attributes. False where
 * it is to be told otherwise; then nothing was added.
 */
bool pack_file(struct pack *pack, struct session *session, const char *path, int fd, const struct stat *found);
/* Sends what was added. */
void pack_end(struct pack *pack);

#endif

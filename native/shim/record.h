/* How the main process ended: once on disk, it is never written again. */
#ifndef DUET_RECORD_H
#define DUET_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "fields.h"

struct exit_record {
	int code;
	bool out_of_memory;
	int64_t exited_at; /* milliseconds since the epoch */
	char error[512];   /* "" where the process did run */
};

/*
 * Writes the record as JSON: temporary file, fsync, link to its name (which must not exist), fsync of
 * the folder. A record that is there already stays and is no error. 0, or an errno.
 */
int record_write(const char *path, const struct exit_record *record);

/* Its fields, for EXITED and STATUS. */
void record_fields(struct writer *writer, const struct exit_record *record);

#endif

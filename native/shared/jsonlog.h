/*
 * Docker's json-file log: a line of JSON for each line of output, lines over 16 KiB in parts, invalid
 * UTF-8 replaced, rotation to PATH.1, PATH.2 ... by size.
 */
#ifndef DUET_JSONLOG_H
#define DUET_JSONLOG_H

#include <stddef.h>
#include <stdint.h>

#include "failure.h"

struct jsonlog;

enum { JSONLOG_STDOUT = 0, JSONLOG_STDERR = 1 };

/* Opens or continues the file (mode 0640). `maximum_size` 0 never rotates; `maximum_files` counts the current one. */
struct jsonlog *jsonlog_open(const char *path, uint64_t maximum_size, uint64_t maximum_files, struct failure *failure);

/* Takes raw output. A file system that refuses loses lines, never the caller. */
void jsonlog_write(struct jsonlog *log, int stream, const uint8_t *data, size_t size);

/* Writes unfinished lines; at the end of the output. */
void jsonlog_finish(struct jsonlog *log);

/* Finishes and frees; NULL is fine. */
void jsonlog_close(struct jsonlog *log);

#endif

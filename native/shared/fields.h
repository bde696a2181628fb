/*
 * The fields of a payload: tag (u16), length (u32), value; all little-endian. Numbers are u64, texts
 * are bytes without a NUL, a group's value is again a sequence of fields.
 */
#ifndef DUET_FIELDS_H
#define DUET_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"

/* Bytes of a payload or of a group's value; borrowed. */
struct span {
	const uint8_t *data;
	size_t size;
};

struct field {
	uint16_t tag;
	struct span value;
};

/* Walks a sequence: gives the next field and advances `rest`. False at the end, or where it is malformed. */
bool field_next(struct span *rest, struct field *field);

/* Whether the sequence is well-formed to its end (groups inside are not looked into). Check once, at the door. */
bool fields_valid(struct span fields);

/* First field with `tag`; false where there is none. */
bool field_find(struct span fields, uint16_t tag, struct span *value);

/* Next field with `tag`, for lists: `for (struct span rest = fields, v; field_each(&rest, tag, &v);)`. */
bool field_each(struct span *rest, uint16_t tag, struct span *value);

/* Number of a field, or `otherwise` where it is absent or not 8 bytes long. */
uint64_t field_number(struct span fields, uint16_t tag, uint64_t otherwise);
uint64_t span_number(struct span value, uint64_t otherwise);

/* A malloc'd C string; NULL where absent, or where it holds a NUL, or without memory. */
char *field_text(struct span fields, uint16_t tag);
char *span_text(struct span value);

/* All texts with `tag` as a NULL-terminated malloc'd vector (empty where there are none); NULL on a NUL or no memory. */
char **field_texts(struct span fields, uint16_t tag, size_t *count);
void texts_free(char **texts);

/* Grows as it is written; `failed` is set, and stays, when memory or the limit of 1 MiB ran out. */
struct writer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	bool failed;
};

void write_number(struct writer *writer, uint16_t tag, uint64_t value);
void write_bytes(struct writer *writer, uint16_t tag, const void *data, size_t size);
void write_text(struct writer *writer, uint16_t tag, const char *text);
/* Everything written between the two is the group's value. */
size_t write_group(struct writer *writer, uint16_t tag);
void write_group_end(struct writer *writer, size_t mark);
/* The fields of an ERROR answer. */
void write_failure(struct writer *writer, const struct failure *failure);
void writer_free(struct writer *writer);

#endif

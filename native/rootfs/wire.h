/* Frames and their values, read and written. */
#ifndef DUET_ROOTFS_WIRE_H
#define DUET_ROOTFS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A payload being read. `bad` is set, and stays, when it ends early; values are then 0. */
struct cursor {
	const uint8_t *data;
	size_t left;
	bool bad;
};

struct bytes {
	const uint8_t *data;
	size_t size;
};

uint8_t take_u8(struct cursor *cursor);
uint32_t take_u32(struct cursor *cursor);
uint64_t take_u64(struct cursor *cursor);
/* Length (u32) and that many bytes. */
struct bytes take_bytes(struct cursor *cursor);
/* The same as a C string in `buffer`; bad where it holds a NUL. Too long becomes ENAMETOOLONG later: cut at `size` - 1. */
bool take_path(struct cursor *cursor, char *buffer, size_t size);

struct frame_header {
	uint32_t length;
	uint16_t type;
	uint32_t id;
};

struct link {
	int in;
	int out;
	uint8_t *input;
	size_t input_start, input_end;
	uint8_t *output;
	size_t output_size;
	bool broken;
};

int link_open(struct link *link, int in, int out);
void link_close(struct link *link);

/*
 * The next frame, its payload in one piece until the next call. 1 a frame, 0 clean end, -1 broken or
 * malformed. What was answered is flushed before it waits.
 */
int link_next(struct link *link, struct frame_header *header, struct cursor *payload);

/* One answer: begin, put values, end. An answer that would be over the largest payload breaks the link. */
struct answer {
	struct link *link;
	size_t start;
};

struct answer answer_begin(struct link *link, uint16_t type, uint32_t id);
void put_u8(struct answer *answer, uint8_t value);
void put_u32(struct answer *answer, uint32_t value);
void put_u64(struct answer *answer, uint64_t value);
void put_bytes(struct answer *answer, const void *data, size_t size);
/* Puts a value where there is room already. */
void set_u32(uint8_t *data, uint32_t value);
/* Room for `size` raw bytes at the end; NULL where there is none. */
uint8_t *put_space(struct answer *answer, size_t size);
/* Gives back the end of what put_space gave. */
void put_unused(struct answer *answer, size_t size);
void answer_end(struct answer *answer);
void link_flush(struct link *link);

#endif

#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "operations.h"

#define INPUT_CAPACITY (ROOTFS_MAX_PAYLOAD + ROOTFS_HEADER)
/* One largest frame and room to gather small ones before it. */
#define OUTPUT_CAPACITY (ROOTFS_MAX_PAYLOAD + ROOTFS_HEADER + (64u << 10))
#define OUTPUT_FLUSH (64u << 10)

static uint32_t get_u32(const uint8_t *data)
{
	return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

void set_u32(uint8_t *data, uint32_t value)
{
	for (int index = 0; index < 4; index++)
		data[index] = (uint8_t)(value >> (8 * index));
}

static const uint8_t *take(struct cursor *cursor, size_t size)
{
	if (cursor->bad || cursor->left < size) {
		cursor->bad = true;
		return NULL;
	}
	const uint8_t *data = cursor->data;
	cursor->data += size;
	cursor->left -= size;
	return data;
}

uint8_t take_u8(struct cursor *cursor)
{
	const uint8_t *data = take(cursor, 1);
	return data ? data[0] : 0;
}

uint32_t take_u32(struct cursor *cursor)
{
	const uint8_t *data = take(cursor, 4);
	return data ? get_u32(data) : 0;
}

uint64_t take_u64(struct cursor *cursor)
{
	const uint8_t *data = take(cursor, 8);
	return data ? (uint64_t)get_u32(data) | (uint64_t)get_u32(data + 4) << 32 : 0;
}

struct bytes take_bytes(struct cursor *cursor)
{
	uint32_t size = take_u32(cursor);
	const uint8_t *data = take(cursor, size);
	return (struct bytes){ data ? data : (const uint8_t *)"", data ? size : 0 };
}

bool take_path(struct cursor *cursor, char *buffer, size_t size)
{
	struct bytes bytes = take_bytes(cursor);
	buffer[0] = 0;
	if (cursor->bad)
		return false;
	if (memchr(bytes.data, 0, bytes.size)) {
		cursor->bad = true;
		return false;
	}
	if (bytes.size >= size)
		return false;
	memcpy(buffer, bytes.data, bytes.size);
	buffer[bytes.size] = 0;
	return true;
}

int link_open(struct link *link, int in, int out)
{
	*link = (struct link){ .in = in, .out = out };
	link->input = malloc(INPUT_CAPACITY);
	link->output = malloc(OUTPUT_CAPACITY);
	return link->input && link->output ? 0 : -1;
}

void link_close(struct link *link)
{
	free(link->input);
	free(link->output);
	link->input = link->output = NULL;
}

/* Until `size` bytes are at hand. 1, 0 at a clean end before the first of them, -1. */
static int fill(struct link *link, size_t size)
{
	if (link->input_start + size > INPUT_CAPACITY) {
		memmove(link->input, link->input + link->input_start, link->input_end - link->input_start);
		link->input_end -= link->input_start;
		link->input_start = 0;
	}
	while (link->input_end - link->input_start < size) {
		link_flush(link);
		if (link->broken)
			return -1;
		ssize_t got = read(link->in, link->input + link->input_end, INPUT_CAPACITY - link->input_end);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0 && link->input_end == link->input_start ? 0 : -1;
		link->input_end += (size_t)got;
	}
	return 1;
}

int link_next(struct link *link, struct frame_header *header, struct cursor *payload)
{
	if (link->input_start == link->input_end)
		link->input_start = link->input_end = 0;
	int got = fill(link, ROOTFS_HEADER);
	if (got != 1)
		return got;
	const uint8_t *data = link->input + link->input_start;
	header->length = get_u32(data);
	header->type = (uint16_t)(data[4] | data[5] << 8);
	header->id = get_u32(data + 8);
	if (header->length > ROOTFS_MAX_PAYLOAD || data[6] || data[7])
		return -1;
	if (fill(link, ROOTFS_HEADER + header->length) != 1)
		return -1;
	*payload = (struct cursor){ link->input + link->input_start + ROOTFS_HEADER, header->length, false };
	link->input_start += ROOTFS_HEADER + header->length;
	return 1;
}

struct answer answer_begin(struct link *link, uint16_t type, uint32_t id)
{
	if (link->output_size > OUTPUT_FLUSH)
		link_flush(link);
	struct answer answer = { link, link->output_size };
	uint8_t *header = put_space(&answer, ROOTFS_HEADER);
	if (header) {
		memset(header, 0, ROOTFS_HEADER);
		header[4] = (uint8_t)type;
		header[5] = (uint8_t)(type >> 8);
		set_u32(header + 8, id);
	}
	return answer;
}

uint8_t *put_space(struct answer *answer, size_t size)
{
	struct link *link = answer->link;
	if (link->broken || size > OUTPUT_CAPACITY - link->output_size ||
	    link->output_size + size - answer->start > ROOTFS_MAX_PAYLOAD + ROOTFS_HEADER) {
		link->broken = true;
		return NULL;
	}
	uint8_t *space = link->output + link->output_size;
	link->output_size += size;
	return space;
}

void put_unused(struct answer *answer, size_t size)
{
	if (!answer->link->broken)
		answer->link->output_size -= size;
}

void put_u8(struct answer *answer, uint8_t value)
{
	uint8_t *space = put_space(answer, 1);
	if (space)
		*space = value;
}

void put_u32(struct answer *answer, uint32_t value)
{
	uint8_t *space = put_space(answer, 4);
	if (space)
		set_u32(space, value);
}

void put_u64(struct answer *answer, uint64_t value)
{
	put_u32(answer, (uint32_t)value);
	put_u32(answer, (uint32_t)(value >> 32));
}

void put_bytes(struct answer *answer, const void *data, size_t size)
{
	put_u32(answer, (uint32_t)size);
	uint8_t *space = put_space(answer, size);
	if (space && size)
		memcpy(space, data, size);
}

void answer_end(struct answer *answer)
{
	struct link *link = answer->link;
	if (link->broken)
		return;
	set_u32(link->output + answer->start, (uint32_t)(link->output_size - answer->start - ROOTFS_HEADER));
	if (link->output_size > OUTPUT_FLUSH)
		link_flush(link);
}

void link_flush(struct link *link)
{
	size_t done = 0;
	while (!link->broken && done < link->output_size) {
		ssize_t put = write(link->out, link->output + done, link->output_size - done);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			link->broken = true;
		else
			done += (size_t)put;
	}
	link->output_size = 0;
}

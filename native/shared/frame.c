#include "frame.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

struct outbox_chunk {
	struct outbox_chunk *next;
	size_t size;
	size_t written;
	uint8_t data[];
};

static uint32_t load32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void store32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
	at[2] = (uint8_t)(value >> 16);
	at[3] = (uint8_t)(value >> 24);
}

static int broken(struct decoder *decoder, int number)
{
	decoder->broken = true;
	errno = number;
	return -1;
}

static int deliver(struct decoder *decoder, const uint8_t *payload, uint32_t length, frame_handler handler,
		   void *context)
{
	const uint8_t *header = decoder->header;
	struct frame frame = {
		.type = (uint16_t)(header[4] | header[5] << 8),
		.channel = load32(header + 8),
		.payload = {payload, length},
	};
	uint8_t *body = decoder->body;
	decoder->body = NULL;
	decoder->body_filled = 0;
	decoder->header_filled = 0;
	int result = handler(context, &frame);
	free(body);
	return result;
}

/* Takes header bytes; 1 when the header is whole and lawful, 0 when more is needed. */
static int take_header(struct decoder *decoder, const uint8_t **data, size_t *size)
{
	size_t missing = FRAME_HEADER_SIZE - decoder->header_filled;
	size_t taken = *size < missing ? *size : missing;
	memcpy(decoder->header + decoder->header_filled, *data, taken);
	decoder->header_filled += (uint32_t)taken;
	*data += taken;
	*size -= taken;
	if (decoder->header_filled < FRAME_HEADER_SIZE)
		return 0;
	if (load32(decoder->header) > MAXIMUM_PAYLOAD || decoder->header[6] != 0 || decoder->header[7] != 0)
		return broken(decoder, EPROTO);
	return 1;
}

/* Takes payload bytes; 1 when the frame was delivered, 0 when more is needed. */
static int take_body(struct decoder *decoder, const uint8_t **data, size_t *size, frame_handler handler,
		     void *context)
{
	uint32_t length = load32(decoder->header);
	if (decoder->body == NULL && *size >= length) {
		const uint8_t *payload = *data;
		*data += length;
		*size -= length;
		int result = deliver(decoder, payload, length, handler, context);
		return result == 0 ? 1 : result;
	}
	if (decoder->body == NULL && (decoder->body = malloc(length)) == NULL)
		return broken(decoder, ENOMEM);
	size_t missing = length - decoder->body_filled;
	size_t taken = *size < missing ? *size : missing;
	memcpy(decoder->body + decoder->body_filled, *data, taken);
	decoder->body_filled += (uint32_t)taken;
	*data += taken;
	*size -= taken;
	if (decoder->body_filled < length)
		return 0;
	int result = deliver(decoder, decoder->body, length, handler, context);
	return result == 0 ? 1 : result;
}

int decoder_feed(struct decoder *decoder, const uint8_t *data, size_t size, frame_handler handler, void *context)
{
	if (decoder->broken)
		return broken(decoder, EPROTO);
	while (size > 0 || decoder->header_filled == FRAME_HEADER_SIZE) {
		if (decoder->header_filled < FRAME_HEADER_SIZE) {
			int header = take_header(decoder, &data, &size);
			if (header <= 0)
				return header;
		}
		int body = take_body(decoder, &data, &size, handler, context);
		if (body != 1)
			return body;
	}
	return 0;
}

void decoder_free(struct decoder *decoder)
{
	free(decoder->body);
	*decoder = (struct decoder){0};
}

int outbox_frame(struct outbox *outbox, uint16_t type, uint32_t channel, const void *payload, size_t size)
{
	if (size > MAXIMUM_PAYLOAD) {
		errno = EMSGSIZE;
		return -1;
	}
	if (outbox->queued + FRAME_HEADER_SIZE + size > outbox->limit) {
		errno = ENOBUFS;
		return -1;
	}
	struct outbox_chunk *chunk = malloc(sizeof *chunk + FRAME_HEADER_SIZE + size);
	if (chunk == NULL)
		return -1;
	chunk->next = NULL;
	chunk->size = FRAME_HEADER_SIZE + size;
	chunk->written = 0;
	store32(chunk->data, (uint32_t)size);
	store32(chunk->data + 4, type);
	store32(chunk->data + 8, channel);
	if (size > 0)
		memcpy(chunk->data + FRAME_HEADER_SIZE, payload, size);
	if (outbox->last == NULL)
		outbox->first = chunk;
	else
		outbox->last->next = chunk;
	outbox->last = chunk;
	outbox->queued += chunk->size;
	return 0;
}

int outbox_fields(struct outbox *outbox, uint16_t type, uint32_t channel, struct writer *writer)
{
	int result = -1;
	if (writer->failed)
		errno = ENOMEM;
	else
		result = outbox_frame(outbox, type, channel, writer->data, writer->size);
	writer_free(writer);
	return result;
}

int outbox_failure(struct outbox *outbox, uint32_t channel, const struct failure *failure)
{
	struct writer writer = {0};
	write_failure(&writer, failure);
	return outbox_fields(outbox, MESSAGE_ERROR, channel, &writer);
}

static void drop_written(struct outbox *outbox, size_t written)
{
	outbox->queued -= written;
	while (written > 0) {
		struct outbox_chunk *chunk = outbox->first;
		size_t left = chunk->size - chunk->written;
		if (written < left) {
			chunk->written += written;
			return;
		}
		written -= left;
		outbox->first = chunk->next;
		if (outbox->first == NULL)
			outbox->last = NULL;
		free(chunk);
	}
}

int outbox_flush(struct outbox *outbox, int fd)
{
	while (outbox->first != NULL) {
		struct iovec parts[16];
		int count = 0;
		for (struct outbox_chunk *chunk = outbox->first; chunk != NULL && count < 16; chunk = chunk->next)
			parts[count++] = (struct iovec){chunk->data + chunk->written, chunk->size - chunk->written};
		ssize_t written = writev(fd, parts, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return errno == EAGAIN ? 1 : -1;
		drop_written(outbox, (size_t)written);
	}
	return 0;
}

void outbox_free(struct outbox *outbox)
{
	while (outbox->first != NULL) {
		struct outbox_chunk *next = outbox->first->next;
		free(outbox->first);
		outbox->first = next;
	}
	outbox->last = NULL;
	outbox->queued = 0;
}

void credit_start(struct credit_sender *sender, struct credit_receiver *receiver)
{
	sender->available = INITIAL_CREDIT;
	receiver->outstanding = INITIAL_CREDIT;
	receiver->consumed = 0;
}

int credit_gained(struct credit_sender *sender, struct span payload)
{
	if (payload.size != 4)
		return -1;
	uint32_t bytes = load32(payload.data);
	if (bytes > INITIAL_CREDIT - sender->available)
		return -1;
	sender->available += bytes;
	return 0;
}

int credit_received(struct credit_receiver *receiver, size_t bytes)
{
	if (bytes > receiver->outstanding)
		return -1;
	receiver->outstanding -= (uint32_t)bytes;
	return 0;
}

int credit_consumed(struct credit_receiver *receiver, size_t bytes, struct outbox *outbox, uint32_t channel)
{
	receiver->consumed += (uint32_t)bytes;
	if (receiver->consumed < INITIAL_CREDIT / 4)
		return 0;
	uint8_t payload[4];
	store32(payload, receiver->consumed);
	if (outbox_frame(outbox, MESSAGE_CREDIT, channel, payload, sizeof payload) < 0)
		return -1;
	receiver->outstanding += receiver->consumed;
	receiver->consumed = 0;
	return 0;
}

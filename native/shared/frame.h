/*
 * Frames of the workload protocol: an incremental decoder with hard limits, a bounded queue of frames
 * to send, and the credit that bounds streams. Nothing here blocks and nothing here owns a descriptor.
 */
#ifndef DUET_FRAME_H
#define DUET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fields.h"
#include "protocol.h"

struct frame {
	uint16_t type;
	uint32_t channel;
	struct span payload; /* valid only during the handler's call */
};

/* Zero-initialised is ready. */
struct decoder {
	uint8_t header[FRAME_HEADER_SIZE];
	uint32_t header_filled;
	uint8_t *body;
	uint32_t body_filled;
	bool broken;
};

/* Anything but 0 stops the feeding and is given back. It must not free the decoder. */
typedef int (*frame_handler)(void *context, const struct frame *frame);

/*
 * Takes bytes as they come and hands on every whole frame. 0 when all was taken; -1 with errno EPROTO
 * when the peer broke the rules (the decoder then refuses everything), ENOMEM, or what the handler gave.
 */
int decoder_feed(struct decoder *decoder, const uint8_t *data, size_t size, frame_handler handler, void *context);
void decoder_free(struct decoder *decoder);

/* Zero-initialised with a limit is ready. */
struct outbox {
	struct outbox_chunk *first;
	struct outbox_chunk *last;
	size_t queued; /* bytes not yet written */
	size_t limit;  /* bytes; a frame that would pass it is refused */
};

/* Queues a frame, copying its payload. -1 with errno ENOBUFS (limit), EMSGSIZE or ENOMEM. */
int outbox_frame(struct outbox *outbox, uint16_t type, uint32_t channel, const void *payload, size_t size);
/* Queues a frame of fields and frees the writer, whatever came of it. */
int outbox_fields(struct outbox *outbox, uint16_t type, uint32_t channel, struct writer *writer);
/* ERROR on a channel. */
int outbox_failure(struct outbox *outbox, uint32_t channel, const struct failure *failure);
/* Writes what the descriptor takes: 0 all gone, 1 some is left (wait for writability), -1 errno. */
int outbox_flush(struct outbox *outbox, int fd);
void outbox_free(struct outbox *outbox);

/* One direction's credit as its receiver keeps it, or as its sender does. */
struct credit_sender {
	uint32_t available; /* bytes that may still be sent */
};
struct credit_receiver {
	uint32_t outstanding; /* bytes that the peer may still send */
	uint32_t consumed;    /* bytes to be given back with the next CREDIT */
};

void credit_start(struct credit_sender *sender, struct credit_receiver *receiver);
/* A CREDIT frame came. -1 when it is malformed or gives more than the window. */
int credit_gained(struct credit_sender *sender, struct span payload);
/* Stream bytes came. -1 when the peer sent more than it was allowed. */
int credit_received(struct credit_receiver *receiver, size_t bytes);
/*
 * The bytes are on their way to their reader. Queues CREDIT once a quarter of the window is due.
 */
int credit_consumed(struct credit_receiver *receiver, size_t bytes, struct outbox *outbox, uint32_t channel);

#endif

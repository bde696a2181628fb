/*
 * A connected socket whose other end is on the far side of the agent's port: bytes both ways under credit, and
 * each direction ends by itself. The shim and the agent each have one half.
 */
#ifndef DUET_TUNNEL_H
#define DUET_TUNNEL_H

#include "frame.h"

/* How frames leave; consumed() gives credit back, as credit_consumed() does. */
struct tunnel_port {
	void (*send)(uint16_t type, uint32_t channel, const void *payload, size_t size);
	void (*consumed)(uint32_t channel, struct credit_receiver *receiver, size_t bytes);
};

struct tunnel {
	const struct tunnel_port *port;
	int fd; /* non-blocking */
	uint32_t channel;
	uint16_t outgoing; /* type of the frames that carry this side's bytes */
	struct credit_sender sender;
	struct credit_receiver receiver;
	uint8_t *pending; /* not yet written: at most INITIAL_CREDIT bytes */
	size_t pending_size;
	size_t pending_capacity;
	bool read_ended;   /* our side has no more, and said so */
	bool input_ended;  /* the far side has no more */
	bool write_closed; /* and that has been passed on; or nobody reads here any more */
	bool broken;
};

void tunnel_start(struct tunnel *tunnel, const struct tunnel_port *port, int fd, uint32_t channel, uint16_t outgoing);
/* The descriptor can be read, or written. */
void tunnel_read(struct tunnel *tunnel);
void tunnel_write(struct tunnel *tunnel);
/* A frame of its channel. -1 when the peer broke the rules. */
int tunnel_frame(struct tunnel *tunnel, const struct frame *frame);
/* EPOLLIN and EPOLLOUT, as it now waits for them. */
uint32_t tunnel_events(const struct tunnel *tunnel);
/* Nothing can come or go any more: close the descriptor and forget it. */
bool tunnel_done(const struct tunnel *tunnel);
/* Closes the descriptor. */
void tunnel_free(struct tunnel *tunnel);

#endif

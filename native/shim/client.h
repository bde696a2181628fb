/* Connections of daemons, and the channels on them. */
#ifndef DUET_CLIENT_H
#define DUET_CLIENT_H

#include "frame.h"
#include "loop.h"

enum {
	CLIENT_HARD_LIMIT = 32 << 20, /* bytes queued for a client that does not read: it is given up */
	CLIENT_SOFT_LIMIT = 512 << 10, /* above it, outputs of processes wait */
	CLIENT_CHANNELS = 4096,
};

struct client {
	struct source source;
	struct decoder decoder;
	struct outbox outbox;
	struct channel *channels;
	unsigned channel_count;
	bool dead;
	bool full; /* was above the soft limit */
	struct client *next;
};

/* One conversation on a client, opened by its request and owned by whoever answers. */
struct channel {
	struct client *client; /* NULL once the client has vanished: only channel_close is allowed then */
	uint32_t number;
	void *owner;
	/* Another frame on this channel; NULL ignores it. */
	void (*frame)(struct channel *channel, const struct frame *frame);
	/* The client has vanished; the owner calls channel_close now or later. */
	void (*gone)(struct channel *channel);
	/* The client takes output again. */
	void (*drained)(struct channel *channel);
	struct channel *next;
};

/* A request of a client. Must answer on the channel, now or later. */
typedef void (*request_handler)(struct channel *channel, uint16_t type, struct span fields);

/* Takes over a connected socket. -1 when it cannot be watched; it is closed then. */
int client_open(int fd, request_handler handler);
unsigned client_count(void);
/* Called whenever a client has gone. */
extern void (*client_left)(void);
/* Tries for a moment to write what is queued for all clients; before the process ends. */
void clients_flush(void);

void channel_send(struct channel *channel, uint16_t type, const void *payload, size_t size);
/* Sends fields and frees the writer. */
void channel_send_fields(struct channel *channel, uint16_t type, struct writer *writer);
/* Gives credit back for bytes of the client that have gone their way. */
void channel_consumed(struct channel *channel, struct credit_receiver *receiver, size_t bytes);
/* The three below send and close the channel. */
void channel_ok(struct channel *channel);
void channel_ok_fields(struct channel *channel, struct writer *writer);
void channel_fail(struct channel *channel, const struct failure *failure);
/* Forgets and frees the channel without a word. */
void channel_close(struct channel *channel);
/* Bytes of output that the client's connection takes now. */
size_t channel_room(const struct channel *channel);
/* Another channel of the same client; NULL where it is not open. */
struct channel *channel_find(struct client *client, uint32_t number);

#endif

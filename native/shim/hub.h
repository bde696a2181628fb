/*
 * Where the streams of one process meet: its output goes to the log and to every attached client, its
 * input comes from them. The slowest client's credit holds the output back; a vanished one never does.
 * Where the bytes come from and go to (pipes, a terminal, a VM's agent) is the backend's affair.
 */
#ifndef DUET_HUB_H
#define DUET_HUB_H

#include "client.h"
#include "jsonlog.h"

struct hub {
	struct attachment *attachments;
	struct jsonlog *log;
	bool terminal;
	bool stdin_once;   /* the end of a writing client's input is the end of the process's */
	bool ended;        /* outputs are closed */
	bool input_end;    /* close the input once the queue is empty */
	bool input_closed; /* input is dropped */
	struct input_chunk *first_input;
	struct input_chunk *last_input;
	void (*room)(struct hub *hub);  /* backend: there may be room again for output */
	void (*input)(struct hub *hub); /* backend: input waits, or input_end was set */
};

/* Joins a client. Answers nothing; a hub that has ended sends ENDED at once. False without memory. */
bool hub_attach(struct hub *hub, struct channel *channel, bool writes);
/* Bytes of output that everyone takes now; 0 holds the process back. */
size_t hub_room(const struct hub *hub);
/* Output of at most hub_room bytes, or more just before hub_end; `stream` as in jsonlog.h. */
void hub_output(struct hub *hub, int stream, const uint8_t *data, size_t size);
/* A frame for every attached client. */
void hub_broadcast(struct hub *hub, uint16_t type, const struct writer *writer);
/* Whether this channel is one of the hub's. */
bool hub_has(const struct hub *hub, const struct channel *channel);
/* It came to nothing: ERROR for every attached client, whose channels are freed. */
void hub_fail(struct hub *hub, const struct failure *failure);
/* All outputs are closed: finishes the log, sends ENDED, frees the clients' channels. */
void hub_end(struct hub *hub);

/* First waiting bytes of input; false when there are none. */
bool hub_input(const struct hub *hub, struct span *data);
/* They are on their way: gives credit back. */
void hub_input_taken(struct hub *hub, size_t bytes);
/* Nobody reads the input any more: drops what waits and what will come. */
void hub_input_close(struct hub *hub);

#endif

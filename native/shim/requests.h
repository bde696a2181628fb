/* Requests of clients: those answered for any isolation, and where the others go. */
#ifndef DUET_REQUESTS_H
#define DUET_REQUESTS_H

#include "client.h"

void request_dispatch(struct channel *channel, uint16_t type, struct span fields);
/* Who nobody configured, and nobody talks to, has no purpose. */
void request_client_left(void);

void request_wait(struct channel *channel);
void request_shutdown(struct channel *channel);

#endif

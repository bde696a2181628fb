/* The connection to a VM's agent, and its channels. The agent is hostile until proven otherwise. */
#ifndef DUET_AGENT_LINK_H
#define DUET_AGENT_LINK_H

#include "client.h"

/* One conversation with the agent that a client asked for. */
struct relay {
	uint32_t number; /* towards the agent */
	bool streams;    /* carries streams until ENDED, else one answer */
	bool discards;   /* nobody reads the streams any more */
	unsigned told;   /* which of OK, STARTED and EXITED came: each comes once */
	uint16_t type;   /* of the request */
	struct channel *client; /* NULL once nobody waits */
	struct credit_receiver receiver;
	/* The agent answered OK; may be NULL. */
	void (*ok)(void);
	struct relay *next;
};

/* Who gets the main process's frames, and hears that the link has ended. */
struct agent_user {
	void (*main_frame)(const struct frame *frame);
	void (*lost)(const char *why);
};

/* Channel towards the agent of the main process; 0 without one. */
extern uint32_t agent_main;

/* Queues the greeting, so that nothing comes before it. */
void agent_greet(const struct agent_user *user);
/* Takes over a connected socket and sends what is queued. */
int agent_open(int fd);
bool agent_is_open(void);
/* A fresh channel number. */
uint32_t agent_number(void);
/* Queued until the link is open. */
void agent_send(uint16_t type, uint32_t number, const void *payload, size_t size);
void agent_consumed(uint32_t number, struct credit_receiver *receiver, size_t bytes);
/* Forwards a request of a client and its answer. NULL (answered) without memory. */
struct relay *agent_relay(struct channel *channel, uint16_t type, struct span fields, bool streams);
/* Agent-side number of the relay that answers on this client's channel; 0 where there is none. */
uint32_t agent_number_of(const struct channel *channel);
/* Ends the link: all relays fail. */
void agent_close(const char *why);

#endif

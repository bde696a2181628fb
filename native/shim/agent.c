#include "agent.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "forward.h"

enum { AGENT_OUTBOX_LIMIT = 16 << 20 };

uint32_t agent_main;

static struct {
	struct source source;
	struct decoder decoder;
	struct outbox outbox;
	const struct agent_user *user;
	struct relay *relays;
	uint32_t last_number;
	uint32_t greeting;
	bool ended;
} agent = {.source.fd = -1, .outbox.limit = AGENT_OUTBOX_LIMIT};

static void relay_free(struct relay *relay)
{
	for (struct relay **at = &agent.relays; *at != NULL; at = &(*at)->next) {
		if (*at != relay)
			continue;
		*at = relay->next;
		break;
	}
	free_later(relay);
}

static void flush(void)
{
	if (agent.source.fd < 0)
		return;
	int result = outbox_flush(&agent.outbox, agent.source.fd);
	/* A failed write shows as a hang-up in the next round. */
	source_change(&agent.source, result > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

void agent_send(uint16_t type, uint32_t number, const void *payload, size_t size)
{
	if (agent.ended)
		return;
	if (outbox_frame(&agent.outbox, type, number, payload, size) < 0)
		agent_close("the virtual machine's agent does not read what it is sent");
	else
		flush();
}

void agent_consumed(uint32_t number, struct credit_receiver *receiver, size_t bytes)
{
	if (!agent.ended && credit_consumed(receiver, bytes, &agent.outbox, number) == 0)
		flush();
}

uint32_t agent_number(void)
{
	if ((++agent.last_number & (uint32_t)FORWARD_CHANNELS) != 0)
		agent.last_number = 1;
	return agent.last_number;
}

static void relay_gone(struct channel *channel)
{
	struct relay *relay = channel->owner;
	relay->client = NULL;
	channel_close(channel);
	if (!relay->streams)
		return;
	relay->discards = true;
	agent_send(relay->type == MESSAGE_EXEC ? MESSAGE_CLOSE_STDIN : MESSAGE_DETACH, relay->number, NULL, 0);
	agent_consumed(relay->number, &relay->receiver,
		       INITIAL_CREDIT - relay->receiver.outstanding - relay->receiver.consumed);
}

/* The client's credit goes through, and is remembered to hold the agent to it. */
static void relay_credit(struct relay *relay, struct span payload)
{
	struct credit_sender given = {.available = relay->receiver.outstanding};
	if (credit_gained(&given, payload) < 0)
		return;
	relay->receiver.outstanding = given.available;
	agent_send(MESSAGE_CREDIT, relay->number, payload.data, payload.size);
}

static void relay_client_frame(struct channel *channel, const struct frame *frame)
{
	struct relay *relay = channel->owner;
	switch (frame->type) {
	case MESSAGE_CREDIT:
		relay_credit(relay, frame->payload);
		return;
	case MESSAGE_STDIN:
	case MESSAGE_CLOSE_STDIN:
	case MESSAGE_DETACH:
		if (relay->streams)
			agent_send(frame->type, relay->number, frame->payload.data, frame->payload.size);
		return;
	default:
		return;
	}
}

struct relay *agent_relay(struct channel *channel, uint16_t type, struct span fields, bool streams)
{
	struct relay *relay = agent.ended ? NULL : calloc(1, sizeof *relay);
	if (relay == NULL) {
		struct failure failure;
		fail_as(&failure, "unavailable", "AGENT_LOST", 0, "the virtual machine's agent is not there");
		channel_fail(channel, &failure);
		return NULL;
	}
	struct credit_sender unused;
	credit_start(&unused, &relay->receiver);
	relay->number = agent_number();
	relay->streams = streams;
	relay->type = type;
	relay->client = channel;
	channel->owner = relay;
	channel->frame = relay_client_frame;
	channel->gone = relay_gone;
	relay->next = agent.relays;
	agent.relays = relay;
	agent_send(type, relay->number, fields.data, fields.size);
	return relay;
}

uint32_t agent_number_of(const struct channel *channel)
{
	for (struct relay *relay = agent.relays; channel != NULL && relay != NULL; relay = relay->next) {
		if (relay->client == channel)
			return relay->number;
	}
	return 0;
}

static int relay_streamed(struct relay *relay, const struct frame *frame)
{
	if (!relay->streams || credit_received(&relay->receiver, frame->payload.size) < 0)
		return -1;
	if (relay->discards)
		agent_consumed(relay->number, &relay->receiver, frame->payload.size);
	else
		channel_send(relay->client, frame->type, frame->payload.data, frame->payload.size);
	return 0;
}

static int relay_answered(struct relay *relay, const struct frame *frame)
{
	unsigned bit = 1u << (frame->type - MESSAGE_OK);
	if (relay->told & bit)
		return -1;
	relay->told |= bit;
	bool ends = frame->type == MESSAGE_ERROR || frame->type == MESSAGE_ENDED ||
		    (frame->type == MESSAGE_OK && !relay->streams);
	struct channel *client = relay->client;
	void (*ok)(void) = frame->type == MESSAGE_OK ? relay->ok : NULL;
	if (ends)
		relay_free(relay);
	if (ok != NULL)
		ok();
	if (client != NULL)
		channel_send(client, frame->type, frame->payload.data, frame->payload.size);
	if (ends && client != NULL)
		channel_close(client);
	return 0;
}

static int relay_frame(struct relay *relay, const struct frame *frame)
{
	switch (frame->type) {
	case MESSAGE_STDOUT:
	case MESSAGE_STDERR:
		return relay_streamed(relay, frame);
	case MESSAGE_CREDIT:
		if (relay->client != NULL)
			channel_send(relay->client, frame->type, frame->payload.data, frame->payload.size);
		return 0;
	case MESSAGE_OK:
	case MESSAGE_ERROR:
	case MESSAGE_STARTED:
	case MESSAGE_EXITED:
	case MESSAGE_ENDED:
		return relay_answered(relay, frame);
	default:
		return 0;
	}
}

static int agent_frame(void *context, const struct frame *frame)
{
	(void)context;
	if ((frame->channel & (uint32_t)FORWARD_CHANNELS) != 0)
		return forward_frame(frame) < 0 || agent.ended ? -1 : 0;
	if (frame->channel == agent.greeting)
		return frame->type == MESSAGE_OK ? 0 : -1;
	for (struct relay *relay = agent.relays; relay != NULL; relay = relay->next) {
		if (relay->number == frame->channel) {
			if (relay_frame(relay, frame) < 0)
				return -1;
			return agent.ended ? -1 : 0;
		}
	}
	if (frame->channel == agent_main && agent_main != 0)
		agent.user->main_frame(frame);
	return agent.ended ? -1 : 0;
}

static void agent_ready(struct source *source, uint32_t events)
{
	if (events & EPOLLOUT)
		flush();
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	uint8_t buffer[65536];
	ssize_t got = read(source->fd, buffer, sizeof buffer);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		agent_close("the virtual machine has closed the agent's port");
	else if (decoder_feed(&agent.decoder, buffer, (size_t)got, agent_frame, NULL) != 0)
		agent_close("the virtual machine's agent broke the protocol");
}

void agent_greet(const struct agent_user *user)
{
	struct writer writer = {0};
	agent.user = user;
	agent.greeting = agent_number();
	write_number(&writer, TAG_VERSION, PROTOCOL_VERSION);
	outbox_fields(&agent.outbox, MESSAGE_HELLO, agent.greeting, &writer);
}

int agent_open(int fd)
{
	if (agent.ended || source_add(&agent.source, fd, EPOLLIN, agent_ready) < 0) {
		close(fd);
		return -1;
	}
	flush();
	return 0;
}

bool agent_is_open(void)
{
	return agent.source.fd >= 0;
}

void agent_close(const char *why)
{
	if (agent.ended)
		return;
	agent.ended = true;
	source_close(&agent.source);
	forward_close();
	outbox_free(&agent.outbox);
	while (agent.relays != NULL) {
		struct channel *client = agent.relays->client;
		relay_free(agent.relays);
		if (client == NULL)
			continue;
		struct failure failure;
		fail_as(&failure, "unavailable", "AGENT_LOST", 0, "%s", why);
		channel_fail(client, &failure);
	}
	if (agent.user != NULL)
		agent.user->lost(why);
}

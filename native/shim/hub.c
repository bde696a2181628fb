#include "hub.h"

#include <stdlib.h>
#include <string.h>

struct attachment {
	struct hub *hub;
	struct channel *channel;
	struct credit_sender out;
	struct credit_receiver in;
	bool writes;
	struct attachment *next;
};

struct input_chunk {
	struct input_chunk *next;
	struct attachment *from; /* NULL once it has gone */
	size_t size;
	size_t taken;
	uint8_t data[];
};

static void attachment_drop(struct attachment *attachment)
{
	struct hub *hub = attachment->hub;
	for (struct attachment **at = &hub->attachments; *at != NULL; at = &(*at)->next) {
		if (*at != attachment)
			continue;
		*at = attachment->next;
		break;
	}
	for (struct input_chunk *chunk = hub->first_input; chunk != NULL; chunk = chunk->next) {
		if (chunk->from == attachment)
			chunk->from = NULL;
	}
	channel_close(attachment->channel);
	free_later(attachment);
}

static void end_input(struct hub *hub)
{
	if (hub->input_closed || hub->input_end)
		return;
	hub->input_end = true;
	hub->input(hub);
}

/* The client has gone or given the channel up: its input has ended, the process goes on. */
static void attachment_leave(struct attachment *attachment)
{
	struct hub *hub = attachment->hub;
	bool ends_input = attachment->writes && hub->stdin_once && !hub->terminal;
	attachment_drop(attachment);
	if (ends_input)
		end_input(hub);
	hub->room(hub);
}

static void channel_gone(struct channel *channel)
{
	attachment_leave(channel->owner);
}

static void channel_drained(struct channel *channel)
{
	struct attachment *attachment = channel->owner;
	attachment->hub->room(attachment->hub);
}

static void queue_input(struct attachment *attachment, struct span data)
{
	struct hub *hub = attachment->hub;
	if (credit_received(&attachment->in, data.size) < 0) {
		attachment_leave(attachment);
		return;
	}
	if (hub->input_closed || hub->input_end || !attachment->writes || data.size == 0) {
		channel_consumed(attachment->channel, &attachment->in, data.size);
		return;
	}
	struct input_chunk *chunk = malloc(sizeof *chunk + data.size);
	if (chunk == NULL) {
		attachment_leave(attachment);
		return;
	}
	*chunk = (struct input_chunk){.from = attachment, .size = data.size};
	memcpy(chunk->data, data.data, data.size);
	if (hub->last_input == NULL)
		hub->first_input = chunk;
	else
		hub->last_input->next = chunk;
	hub->last_input = chunk;
	hub->input(hub);
}

static void channel_frame(struct channel *channel, const struct frame *frame)
{
	struct attachment *attachment = channel->owner;
	struct hub *hub = attachment->hub;
	switch (frame->type) {
	case MESSAGE_STDIN:
		queue_input(attachment, frame->payload);
		return;
	case MESSAGE_CLOSE_STDIN:
		if (attachment->writes && hub->stdin_once && !hub->terminal)
			end_input(hub);
		return;
	case MESSAGE_DETACH:
		channel_send(channel, MESSAGE_ENDED, NULL, 0);
		attachment_leave(attachment);
		return;
	case MESSAGE_CREDIT:
		if (credit_gained(&attachment->out, frame->payload) < 0)
			attachment_leave(attachment);
		else
			hub->room(hub);
		return;
	default:
		return;
	}
}

bool hub_attach(struct hub *hub, struct channel *channel, bool writes)
{
	struct attachment *attachment = calloc(1, sizeof *attachment);
	if (attachment == NULL)
		return false;
	attachment->hub = hub;
	attachment->channel = channel;
	attachment->writes = writes;
	credit_start(&attachment->out, &attachment->in);
	channel->owner = attachment;
	channel->frame = channel_frame;
	channel->gone = channel_gone;
	channel->drained = channel_drained;
	attachment->next = hub->attachments;
	hub->attachments = attachment;
	if (hub->ended)
		hub_end(hub);
	return true;
}

size_t hub_room(const struct hub *hub)
{
	size_t room = CLIENT_SOFT_LIMIT;
	for (const struct attachment *at = hub->attachments; at != NULL; at = at->next) {
		size_t own = channel_room(at->channel);
		if (own > at->out.available)
			own = at->out.available;
		if (own < room)
			room = own;
	}
	return room;
}

void hub_output(struct hub *hub, int stream, const uint8_t *data, size_t size)
{
	if (hub->log != NULL)
		jsonlog_write(hub->log, stream, data, size);
	uint16_t type = stream == JSONLOG_STDERR ? MESSAGE_STDERR : MESSAGE_STDOUT;
	for (struct attachment *at = hub->attachments; at != NULL; at = at->next) {
		at->out.available -= size < at->out.available ? (uint32_t)size : at->out.available;
		channel_send(at->channel, type, data, size);
	}
}

void hub_broadcast(struct hub *hub, uint16_t type, const struct writer *writer)
{
	for (struct attachment *at = hub->attachments; at != NULL; at = at->next)
		channel_send(at->channel, type, writer->data, writer->size);
}

bool hub_has(const struct hub *hub, const struct channel *channel)
{
	for (const struct attachment *at = hub->attachments; at != NULL; at = at->next) {
		if (at->channel == channel)
			return true;
	}
	return false;
}

void hub_fail(struct hub *hub, const struct failure *failure)
{
	while (hub->attachments != NULL) {
		struct writer writer = {0};
		write_failure(&writer, failure);
		channel_send_fields(hub->attachments->channel, MESSAGE_ERROR, &writer);
		attachment_drop(hub->attachments);
	}
	hub->ended = true;
	hub_input_close(hub);
}

void hub_end(struct hub *hub)
{
	hub->ended = true;
	if (hub->log != NULL)
		jsonlog_finish(hub->log);
	while (hub->attachments != NULL) {
		channel_send(hub->attachments->channel, MESSAGE_ENDED, NULL, 0);
		attachment_drop(hub->attachments);
	}
	hub_input_close(hub);
}

bool hub_input(const struct hub *hub, struct span *data)
{
	const struct input_chunk *chunk = hub->first_input;
	if (chunk == NULL)
		return false;
	*data = (struct span){chunk->data + chunk->taken, chunk->size - chunk->taken};
	return true;
}

void hub_input_taken(struct hub *hub, size_t bytes)
{
	struct input_chunk *chunk = hub->first_input;
	chunk->taken += bytes;
	if (chunk->from != NULL)
		channel_consumed(chunk->from->channel, &chunk->from->in, bytes);
	if (chunk->taken < chunk->size)
		return;
	hub->first_input = chunk->next;
	if (hub->first_input == NULL)
		hub->last_input = NULL;
	free(chunk);
}

void hub_input_close(struct hub *hub)
{
	hub->input_closed = true;
	struct span data;
	while (hub_input(hub, &data))
		hub_input_taken(hub, data.size);
}

#include "remote.h"

#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "clock.h"
#include "shim.h"

/* Output that nobody takes is held this long after the process's end, then given up. */
enum { DRAIN_MILLISECONDS = 2000, LARGEST_PIECE = 32768 };

struct piece {
	struct piece *next;
	int stream;
	size_t size;
	size_t taken;
	uint8_t data[];
};

struct hub remote_hub;

static struct {
	uint32_t number;
	struct credit_sender sender;
	struct credit_receiver receiver;
	struct piece *first; /* at most INITIAL_CREDIT bytes */
	struct piece *last;
	struct timer drain;
	struct exit_record record;
	bool has_record;
	bool closed; /* no more output comes */
	bool finished;
	void (*done)(const struct exit_record *record);
} remote;

static void finish(void)
{
	if (!remote.closed || remote.finished)
		return;
	remote.finished = true;
	timer_stop(&remote.drain);
	hub_end(&remote_hub);
	remote.done(&remote.record);
}

static void drop_first(void)
{
	struct piece *piece = remote.first;
	remote.first = piece->next;
	if (remote.first == NULL)
		remote.last = NULL;
	free(piece);
}

static void pump(void)
{
	size_t room;
	while (remote.first != NULL && (room = hub_room(&remote_hub)) > 0) {
		struct piece *piece = remote.first;
		size_t size = piece->size - piece->taken;
		if (size > room)
			size = room;
		hub_output(&remote_hub, piece->stream, piece->data + piece->taken, size);
		agent_consumed(remote.number, &remote.receiver, size);
		piece->taken += size;
		if (piece->taken == piece->size)
			drop_first();
	}
	if (remote.first == NULL)
		finish();
}

static void drain_over(struct timer *timer)
{
	(void)timer;
	/* Held back by a slow client: it goes out beyond its credit. */
	for (; remote.first != NULL; drop_first()) {
		struct piece *piece = remote.first;
		hub_output(&remote_hub, piece->stream, piece->data + piece->taken, piece->size - piece->taken);
	}
	finish();
}

static void close_output(void)
{
	if (remote.closed)
		return;
	remote.closed = true;
	if (remote.first != NULL)
		timer_start(&remote.drain, DRAIN_MILLISECONDS, drain_over);
	pump();
}

static void hub_has_room(struct hub *hub)
{
	(void)hub;
	pump();
}

static void hub_has_input(struct hub *hub)
{
	struct span data;
	if (remote.number == 0)
		return;
	while (remote.sender.available > 0 && hub_input(hub, &data)) {
		size_t size = data.size < LARGEST_PIECE ? data.size : LARGEST_PIECE;
		if (size > remote.sender.available)
			size = remote.sender.available;
		remote.sender.available -= (uint32_t)size;
		agent_send(MESSAGE_STDIN, remote.number, data.data, size);
		hub_input_taken(hub, size);
	}
	if (!hub->input_end || hub->input_closed || hub_input(hub, &data))
		return;
	agent_send(MESSAGE_CLOSE_STDIN, remote.number, NULL, 0);
	hub_input_close(hub);
}

void remote_init(void (*done)(const struct exit_record *record))
{
	remote_hub.room = hub_has_room;
	remote_hub.input = hub_has_input;
	remote.done = done;
}

void remote_begin(uint32_t number, struct span fields)
{
	remote_hub.terminal = field_number(fields, TAG_TERMINAL, 0) != 0;
	remote_hub.stdin_once = field_number(fields, TAG_STDIN_ONCE, 0) != 0;
	remote_hub.log = shim.log;
	remote.number = number;
	credit_start(&remote.sender, &remote.receiver);
	if (field_number(fields, TAG_STDIN, 0) == 0)
		hub_input_close(&remote_hub);
	hub_has_input(&remote_hub);
}

static void queue_output(int stream, struct span data)
{
	struct piece *piece = NULL;
	if (credit_received(&remote.receiver, data.size) == 0)
		piece = malloc(sizeof *piece + data.size);
	if (piece == NULL) {
		agent_close("the virtual machine's agent sent more output than it may");
		return;
	}
	*piece = (struct piece){.stream = stream, .size = data.size};
	memcpy(piece->data, data.data, data.size);
	if (remote.last == NULL)
		remote.first = piece;
	else
		remote.last->next = piece;
	remote.last = piece;
	pump();
}

/* What a guest says is data: a code is cut to a byte, a time of its own clock is not taken. */
static void read_record(struct span fields)
{
	remote.has_record = true;
	remote.record = (struct exit_record){
		.code = (int)(field_number(fields, TAG_EXIT_CODE, 255) & 0xff),
		.out_of_memory = field_number(fields, TAG_OUT_OF_MEMORY, 0) != 0,
		.exited_at = wall_milliseconds(),
	};
	char *error = field_text(fields, TAG_ERROR_MESSAGE);
	if (error != NULL)
		strncpy(remote.record.error, error, sizeof remote.record.error - 1);
	free(error);
}

void remote_frame(const struct frame *frame)
{
	switch (frame->type) {
	case MESSAGE_STDOUT:
		if (frame->payload.size > 0)
			queue_output(JSONLOG_STDOUT, frame->payload);
		return;
	case MESSAGE_STDERR:
		if (frame->payload.size > 0)
			queue_output(JSONLOG_STDERR, frame->payload);
		return;
	case MESSAGE_CREDIT:
		if (credit_gained(&remote.sender, frame->payload) < 0)
			agent_close("the virtual machine's agent broke the protocol");
		else
			hub_has_input(&remote_hub);
		return;
	case MESSAGE_EXITED:
		if (!remote.has_record)
			read_record(frame->payload);
		return;
	case MESSAGE_ENDED:
		if (!remote.has_record)
			agent_close("the virtual machine's agent did not say how the process ended");
		else
			close_output();
		return;
	default:
		return;
	}
}

void remote_lost(const struct exit_record *record)
{
	if (!remote.has_record)
		remote.record = *record;
	remote.has_record = true;
	close_output();
}

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent.h"

static void drop_input(struct process *process)
{
	watch_close(&process->input);
	if (process->pending_size > 0)
		credit_consumed(&process->receiver, process->pending_size, &agent.outbox, process->channel);
	free(process->pending);
	process->pending = NULL;
	process->pending_size = process->pending_capacity = 0;
}

static void write_pending(struct process *process)
{
	size_t written = 0;
	while (written < process->pending_size) {
		ssize_t size = write(process->input.fd, process->pending + written, process->pending_size - written);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == EAGAIN)
			break;
		if (size < 0) {
			drop_input(process);
			return;
		}
		written += (size_t)size;
	}
	if (written > 0) {
		credit_consumed(&process->receiver, written, &agent.outbox, process->channel);
		process->pending_size -= written;
		memmove(process->pending, process->pending + written, process->pending_size);
	}
	if (process->pending_size > 0)
		watch_set(&process->input, EPOLLOUT);
	else if (process->close_input)
		drop_input(process);
	else
		watch_set(&process->input, 0);
}

static void input_act(struct watch *watch, uint32_t events)
{
	write_pending(watch->owner);
}

static void output_act(struct watch *watch, uint32_t events)
{
	static uint8_t buffer[READ_SIZE];
	struct process *process = watch->owner;
	size_t wanted = process->sender.available < sizeof buffer ? process->sender.available : sizeof buffer;
	if (wanted == 0) {
		stream_update(process);
		return;
	}
	ssize_t size = read(watch->fd, buffer, wanted);
	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (size <= 0) {
		watch_close(watch);
		process_settle(process);
		return;
	}
	/* Nobody listens to a rehearsal: its channel is SETUP's. */
	if (agent.rehearsal)
		return;
	uint16_t type = watch == &process->output[0] ? MESSAGE_STDOUT : MESSAGE_STDERR;
	if (!agent.connection_lost && outbox_frame(&agent.outbox, type, process->channel, buffer, (size_t)size) == 0)
		process->sender.available -= (uint32_t)size;
	stream_update(process);
}

static int prepare(struct watch *watch, int fd, void (*act)(struct watch *, uint32_t), void *owner)
{
	*watch = (struct watch){.fd = fd, .act = act, .owner = owner};
	return fd < 0 ? 0 : fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

void stream_open(struct process *process, int input, int output, int errors)
{
	prepare(&process->input, input, input_act, process);
	prepare(&process->output[0], output, output_act, process);
	prepare(&process->output[1], errors, output_act, process);
	credit_start(&process->sender, &process->receiver);
	stream_update(process);
}

void stream_update(struct process *process)
{
	bool may_read = process->launched &&
			(agent.connection_lost || (process->sender.available > 0 && agent.outbox.queued <= OUTBOX_BUSY));
	for (int i = 0; i < 2; i++)
		watch_set(&process->output[i], may_read ? EPOLLIN : 0);
}

int stream_input(struct process *process, struct span payload)
{
	if (credit_received(&process->receiver, payload.size) < 0)
		return -1;
	if (process->input.fd < 0 || process->close_input)
		return credit_consumed(&process->receiver, payload.size, &agent.outbox, process->channel);
	size_t needed = process->pending_size + payload.size;
	if (needed > process->pending_capacity) {
		uint8_t *grown = realloc(process->pending, needed);
		if (grown == NULL)
			return -1;
		process->pending = grown;
		process->pending_capacity = needed;
	}
	if (payload.size > 0)
		memcpy(process->pending + process->pending_size, payload.data, payload.size);
	process->pending_size = needed;
	if (process->launched)
		write_pending(process);
	return 0;
}

void stream_input_end(struct process *process)
{
	/* A terminal has no end of input; its user types ^D. */
	if (process->terminal)
		return;
	process->close_input = true;
	if (process->input.fd >= 0 && (process->pending_size == 0 || process->launched))
		write_pending(process);
}

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "agent.h"

struct agent agent = {
	.epoll = -1,
	.port = {.fd = -1},
	.signals = {.fd = -1},
	.outbox = {.limit = OUTBOX_LIMIT},
	.uevents = -1,
	.own_pid_namespace = -1,
	.main_pid_namespace = -1,
	.main_mount_namespace = -1,
	.main_cgroup_namespace = -1,
	.cgroup = -1,
};

int watch_set(struct watch *watch, uint32_t events)
{
	if (watch->fd < 0 || watch->events == events)
		return 0;
	struct epoll_event event = {.events = events, .data.ptr = watch};
	int operation = watch->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
	if (epoll_ctl(agent.epoll, operation, watch->fd, &event) < 0)
		return -1;
	watch->events = events;
	return 0;
}

void watch_close(struct watch *watch)
{
	if (watch->fd < 0)
		return;
	watch_set(watch, 0);
	close(watch->fd);
	watch->fd = -1;
}

/* After a protocol error nothing more is read or written; what runs, runs on. */
static void lose_connection(void)
{
	agent.connection_lost = true;
	outbox_free(&agent.outbox);
	decoder_free(&agent.decoder);
	forward_update();
	watch_set(&agent.port, 0);
	if (!agent.guest)
		watch_close(&agent.port);
}

void port_flush(void)
{
	if (agent.connection_lost || agent.port.fd < 0)
		return;
	bool was_busy = agent.outbox.queued > OUTBOX_BUSY;
	int left = outbox_flush(&agent.outbox, agent.port.fd);
	if (left < 0 && !agent.guest) {
		lose_connection();
		return;
	}
	if (was_busy && agent.outbox.queued <= OUTBOX_BUSY)
		for (struct process *process = agent.processes; process != NULL; process = process->next)
			stream_update(process);
	if (was_busy && agent.outbox.queued <= OUTBOX_BUSY)
		forward_update();
}

void answer(uint16_t type, uint32_t channel, struct writer *writer)
{
	if (agent.connection_lost) {
		writer_free(writer);
		return;
	}
	if (outbox_fields(&agent.outbox, type, channel, writer) < 0)
		lose_connection();
}

void answer_ok(uint32_t channel)
{
	answer(MESSAGE_OK, channel, &(struct writer){0});
}

void answer_failure(uint32_t channel, const struct failure *failure)
{
	struct writer writer = {0};
	write_failure(&writer, failure);
	answer(MESSAGE_ERROR, channel, &writer);
}

static void port_act(struct watch *watch, uint32_t events)
{
	static uint8_t buffer[READ_SIZE];
	for (;;) {
		ssize_t size = read(watch->fd, buffer, sizeof buffer);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0) {
			/* A guest's port has no end: a host that went may come back. */
			if (!agent.guest && (size == 0 || errno != EAGAIN))
				lose_connection();
			break;
		}
		if (decoder_feed(&agent.decoder, buffer, (size_t)size, request_handle, NULL) < 0) {
			lose_connection();
			return;
		}
		if (agent.connection_lost)
			return;
	}
}

static void signals_act(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo information[8];
	while (read(watch->fd, information, sizeof information) > 0)
		;
	process_reap();
}

int loop_run(void)
{
	agent.port.act = port_act;
	agent.signals.act = signals_act;
	/* Edge-triggered: an unconnected port reports a hang-up for ever. */
	if (watch_set(&agent.port, EPOLLIN | EPOLLOUT | EPOLLET) < 0 || watch_set(&agent.signals, EPOLLIN) < 0)
		return -1;
	while (agent.guest || !agent.connection_lost || agent.processes != NULL) {
		struct epoll_event event;
		port_flush();
		/* One event a turn: an action may free watches that a second event would point to. */
		int count = epoll_wait(agent.epoll, &event, 1, -1);
		if (count < 0 && errno != EINTR)
			return -1;
		if (count > 0) {
			struct watch *watch = event.data.ptr;
			watch->act(watch, event.events);
		}
	}
	return 0;
}

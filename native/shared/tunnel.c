#include "tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LARGEST_PIECE = 32768 };

void tunnel_start(struct tunnel *tunnel, const struct tunnel_port *port, int fd, uint32_t channel, uint16_t outgoing)
{
	*tunnel = (struct tunnel){.port = port, .fd = fd, .channel = channel, .outgoing = outgoing};
	credit_start(&tunnel->sender, &tunnel->receiver);
}

static void drop_pending(struct tunnel *tunnel)
{
	if (tunnel->pending_size > 0)
		tunnel->port->consumed(tunnel->channel, &tunnel->receiver, tunnel->pending_size);
	tunnel->pending_size = 0;
	tunnel->write_closed = true;
}

static void break_off(struct tunnel *tunnel)
{
	if (tunnel->broken)
		return;
	drop_pending(tunnel);
	tunnel->broken = true;
	tunnel->port->send(MESSAGE_DETACH, tunnel->channel, NULL, 0);
}

void tunnel_read(struct tunnel *tunnel)
{
	uint8_t buffer[LARGEST_PIECE];
	size_t wanted = tunnel->sender.available < sizeof buffer ? tunnel->sender.available : sizeof buffer;
	if (tunnel->read_ended || wanted == 0)
		return;
	ssize_t got = read(tunnel->fd, buffer, wanted);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got < 0) {
		break_off(tunnel);
	} else if (got == 0) {
		tunnel->read_ended = true;
		tunnel->port->send(MESSAGE_CLOSE_STDIN, tunnel->channel, NULL, 0);
	} else {
		tunnel->sender.available -= (uint32_t)got;
		tunnel->port->send(tunnel->outgoing, tunnel->channel, buffer, (size_t)got);
	}
}

void tunnel_write(struct tunnel *tunnel)
{
	size_t written = 0;
	while (written < tunnel->pending_size) {
		ssize_t size = send(tunnel->fd, tunnel->pending + written, tunnel->pending_size - written,
				    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0 && errno == EAGAIN)
			break;
		if (size < 0) {
			break_off(tunnel);
			return;
		}
		written += (size_t)size;
	}
	if (written > 0) {
		tunnel->port->consumed(tunnel->channel, &tunnel->receiver, written);
		tunnel->pending_size -= written;
		memmove(tunnel->pending, tunnel->pending + written, tunnel->pending_size);
	}
	if (tunnel->pending_size == 0 && tunnel->input_ended && !tunnel->write_closed) {
		shutdown(tunnel->fd, SHUT_WR);
		tunnel->write_closed = true;
	}
}

static int take(struct tunnel *tunnel, struct span payload)
{
	if (tunnel->input_ended || credit_received(&tunnel->receiver, payload.size) < 0)
		return -1;
	if (tunnel->write_closed) {
		tunnel->port->consumed(tunnel->channel, &tunnel->receiver, payload.size);
		return 0;
	}
	size_t needed = tunnel->pending_size + payload.size;
	if (needed > tunnel->pending_capacity) {
		uint8_t *grown = realloc(tunnel->pending, needed);
		if (grown == NULL) {
			tunnel->pending_size = 0;
			break_off(tunnel);
			return 0;
		}
		tunnel->pending = grown;
		tunnel->pending_capacity = needed;
	}
	if (payload.size > 0)
		memcpy(tunnel->pending + tunnel->pending_size, payload.data, payload.size);
	tunnel->pending_size = needed;
	tunnel_write(tunnel);
	return 0;
}

int tunnel_frame(struct tunnel *tunnel, const struct frame *frame)
{
	switch (frame->type) {
	case MESSAGE_STDIN:
	case MESSAGE_STDOUT:
		return frame->type == tunnel->outgoing ? -1 : take(tunnel, frame->payload);
	case MESSAGE_CREDIT:
		return credit_gained(&tunnel->sender, frame->payload);
	case MESSAGE_CLOSE_STDIN:
		tunnel->input_ended = true;
		tunnel_write(tunnel);
		return 0;
	case MESSAGE_DETACH:
		drop_pending(tunnel);
		tunnel->broken = true;
		return 0;
	default:
		return -1;
	}
}

uint32_t tunnel_events(const struct tunnel *tunnel)
{
	uint32_t reads = !tunnel->read_ended && tunnel->sender.available > 0 ? EPOLLIN : 0;
	return reads | (tunnel->pending_size > 0 ? EPOLLOUT : 0);
}

bool tunnel_done(const struct tunnel *tunnel)
{
	return tunnel->broken || (tunnel->read_ended && tunnel->write_closed);
}

void tunnel_free(struct tunnel *tunnel)
{
	close(tunnel->fd);
	tunnel->fd = -1;
	free(tunnel->pending);
	tunnel->pending = NULL;
}

#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static struct client *clients;
static unsigned count;
static request_handler requests;
void (*client_left)(void);

static void client_close(struct client *client)
{
	if (client->dead)
		return;
	client->dead = true;
	source_close(&client->source);
	for (struct client **at = &clients; *at != NULL; at = &(*at)->next) {
		if (*at == client) {
			*at = client->next;
			break;
		}
	}
	count--;
	while (client->channels != NULL) {
		struct channel *channel = client->channels;
		client->channels = channel->next;
		channel->client = NULL;
		channel->next = NULL;
		if (channel->gone != NULL)
			channel->gone(channel);
		else
			free_later(channel);
	}
	decoder_free(&client->decoder);
	outbox_free(&client->outbox);
	free_later(client);
	if (client_left != NULL)
		client_left();
}

static void wake_channels(struct client *client)
{
	if (!client->full || client->outbox.queued > CLIENT_SOFT_LIMIT / 2)
		return;
	client->full = false;
	for (struct channel *channel = client->channels, *next; channel != NULL && !client->dead; channel = next) {
		next = channel->next;
		if (channel->drained != NULL)
			channel->drained(channel);
	}
}

/* Writes what goes. A failed write is noticed as a hang-up in the next round: callers keep their channels. */
static void client_flush(struct client *client)
{
	if (client->dead)
		return;
	int result = outbox_flush(&client->outbox, client->source.fd);
	if (result < 0) {
		outbox_free(&client->outbox);
		source_change(&client->source, EPOLLIN | EPOLLOUT);
		return;
	}
	source_change(&client->source, result > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN);
	if (client->outbox.queued > CLIENT_SOFT_LIMIT / 2)
		client->full = true;
}

struct channel *channel_find(struct client *client, uint32_t number)
{
	for (struct channel *channel = client->channels; channel != NULL; channel = channel->next) {
		if (channel->number == number)
			return channel;
	}
	return NULL;
}

static bool opens_channel(uint16_t type)
{
	return (type >= MESSAGE_HELLO && type <= MESSAGE_PROCESSES) || type == MESSAGE_MOUNT ||
	       type == MESSAGE_UPDATE || type == MESSAGE_FREEZE;
}

static int client_frame(void *context, const struct frame *frame)
{
	struct client *client = context;
	if (client->dead || frame->channel == 0)
		return -1;
	struct channel *channel = channel_find(client, frame->channel);
	if (channel != NULL) {
		if (channel->frame != NULL)
			channel->frame(channel, frame);
		return client->dead ? -1 : 0;
	}
	if (!opens_channel(frame->type))
		return 0;
	if (!fields_valid(frame->payload) || client->channel_count >= CLIENT_CHANNELS)
		return -1;
	channel = calloc(1, sizeof *channel);
	if (channel == NULL)
		return -1;
	channel->client = client;
	channel->number = frame->channel;
	channel->next = client->channels;
	client->channels = channel;
	client->channel_count++;
	requests(channel, frame->type, frame->payload);
	return client->dead ? -1 : 0;
}

static void client_ready(struct source *source, uint32_t events)
{
	struct client *client = (struct client *)source;
	if (events & EPOLLOUT) {
		client_flush(client);
		wake_channels(client);
	}
	if (client->dead || !(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	uint8_t buffer[65536];
	ssize_t got = read(source->fd, buffer, sizeof buffer);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0 || decoder_feed(&client->decoder, buffer, (size_t)got, client_frame, client) != 0)
		client_close(client);
}

int client_open(int fd, request_handler handler)
{
	struct client *client = calloc(1, sizeof *client);
	if (client == NULL || source_add(&client->source, fd, EPOLLIN, client_ready) < 0) {
		free(client);
		close(fd);
		return -1;
	}
	requests = handler;
	client->outbox.limit = CLIENT_HARD_LIMIT;
	client->next = clients;
	clients = client;
	count++;
	return 0;
}

unsigned client_count(void)
{
	return count;
}

void clients_flush(void)
{
	for (struct client *client = clients; client != NULL; client = client->next) {
		struct pollfd poll_fd = {.fd = client->source.fd, .events = POLLOUT};
		while (outbox_flush(&client->outbox, client->source.fd) > 0 && poll(&poll_fd, 1, 1000) > 0)
			;
	}
}

/* A client that lets 32 MiB pile up gets no more; its connection is cut in the next round. */
static void queued(struct client *client, int result)
{
	if (result < 0) {
		outbox_free(&client->outbox);
		client->decoder.broken = true;
		source_change(&client->source, EPOLLIN | EPOLLOUT);
		shutdown(client->source.fd, SHUT_RDWR);
		return;
	}
	client_flush(client);
}

void channel_send(struct channel *channel, uint16_t type, const void *payload, size_t size)
{
	struct client *client = channel->client;
	if (client == NULL || client->dead)
		return;
	queued(client, outbox_frame(&client->outbox, type, channel->number, payload, size));
}

void channel_send_fields(struct channel *channel, uint16_t type, struct writer *writer)
{
	struct client *client = channel->client;
	if (client == NULL || client->dead) {
		writer_free(writer);
		return;
	}
	queued(client, outbox_fields(&client->outbox, type, channel->number, writer));
}

void channel_consumed(struct channel *channel, struct credit_receiver *receiver, size_t bytes)
{
	struct client *client = channel->client;
	if (client != NULL && !client->dead)
		queued(client, credit_consumed(receiver, bytes, &client->outbox, channel->number));
}

void channel_ok(struct channel *channel)
{
	channel_send(channel, MESSAGE_OK, NULL, 0);
	channel_close(channel);
}

void channel_ok_fields(struct channel *channel, struct writer *writer)
{
	channel_send_fields(channel, MESSAGE_OK, writer);
	channel_close(channel);
}

void channel_fail(struct channel *channel, const struct failure *failure)
{
	struct writer writer = {0};
	write_failure(&writer, failure);
	channel_send_fields(channel, MESSAGE_ERROR, &writer);
	channel_close(channel);
}

void channel_close(struct channel *channel)
{
	struct client *client = channel->client;
	for (struct channel **at = client == NULL ? NULL : &client->channels; at != NULL && *at != NULL;
	     at = &(*at)->next) {
		if (*at != channel)
			continue;
		*at = channel->next;
		client->channel_count--;
		break;
	}
	channel->client = NULL;
	channel->frame = NULL;
	channel->gone = NULL;
	channel->drained = NULL;
	free_later(channel);
}

size_t channel_room(const struct channel *channel)
{
	const struct client *client = channel->client;
	if (client == NULL || client->dead)
		return CLIENT_SOFT_LIMIT;
	return client->outbox.queued > CLIENT_SOFT_LIMIT / 2 ? 0 : CLIENT_SOFT_LIMIT / 2;
}

#include "forward.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "loop.h"
#include "tunnel.h"

/* More are refused: each may hold two windows of credit. */
enum { MAXIMUM_CONNECTIONS = 256 };

struct connection {
	struct source source;
	struct tunnel tunnel;
	struct connection *next;
};

static char **paths;
static size_t path_count;
static struct connection *connections;
static unsigned connection_count;

static const struct tunnel_port port = {.send = agent_send, .consumed = agent_consumed};

int forward_configure(struct span fields, struct failure *failure)
{
	struct span value;
	if (!field_find(fields, TAG_FORWARD, &value))
		return 0;
	char **given = field_texts(fields, TAG_FORWARD, &path_count);
	if (given == NULL) {
		path_count = 0;
		return fail_as(failure, "invalid", "CONFIGURE_INVALID", 0, "a socket's path holds a NUL");
	}
	texts_free(paths);
	paths = given;
	return 0;
}

static void forget(struct connection *connection)
{
	for (struct connection **at = &connections; *at != NULL; at = &(*at)->next) {
		if (*at != connection)
			continue;
		*at = connection->next;
		break;
	}
	connection_count--;
	connection->tunnel.fd = -1;
	source_close(&connection->source);
	free(connection->tunnel.pending);
	free_later(connection);
}

/* Sending may have ended the link to the agent, and with it every connection. */
static void settle(struct connection *connection)
{
	if (connection->source.fd < 0)
		return;
	if (tunnel_done(&connection->tunnel))
		forget(connection);
	else
		source_change(&connection->source, tunnel_events(&connection->tunnel));
}

static void connection_ready(struct source *source, uint32_t events)
{
	struct connection *connection = owner_of(source, struct connection, source);
	if (events & EPOLLOUT)
		tunnel_write(&connection->tunnel);
	if (!connection->tunnel.broken && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		tunnel_read(&connection->tunnel);
	settle(connection);
}

/* A socket of the host that takes no more connections now (EAGAIN) refuses, as to a program of the host. */
static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if ((size_t)snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= sizeof address.sun_path)
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int open_connection(const struct frame *frame)
{
	uint64_t number = field_number(frame->payload, TAG_NUMBER, UINT64_MAX);
	struct connection *connection = NULL;
	if (!fields_valid(frame->payload) || number >= path_count)
		return -1;
	int fd = connection_count < MAXIMUM_CONNECTIONS ? connect_to(paths[number]) : -1;
	if (fd >= 0)
		connection = calloc(1, sizeof *connection);
	if (connection == NULL || source_add(&connection->source, fd, EPOLLIN, connection_ready) < 0) {
		if (fd >= 0)
			close(fd);
		free(connection);
		agent_send(MESSAGE_DETACH, frame->channel, NULL, 0);
		return 0;
	}
	tunnel_start(&connection->tunnel, &port, fd, frame->channel, MESSAGE_STDIN);
	connection->next = connections;
	connections = connection;
	connection_count++;
	return 0;
}

int forward_frame(const struct frame *frame)
{
	for (struct connection *connection = connections; connection != NULL; connection = connection->next) {
		if (connection->tunnel.channel != frame->channel)
			continue;
		if (frame->type == MESSAGE_CONNECT || tunnel_frame(&connection->tunnel, frame) < 0)
			return -1;
		settle(connection);
		return 0;
	}
	/* What was under way when this side broke off is dropped. */
	return frame->type == MESSAGE_CONNECT ? open_connection(frame) : 0;
}

void forward_close(void)
{
	while (connections != NULL)
		forget(connections);
}

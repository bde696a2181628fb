/* Sockets of the host inside the guest: a listener for each, whose connections go through the port. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "tunnel.h"

enum { MAXIMUM_LISTENERS = 32, MAXIMUM_CONNECTIONS = 256, BACKLOG = 64 };

struct connection {
	struct watch watch;
	struct tunnel tunnel;
	struct connection *next;
};

static struct watch listeners[MAXIMUM_LISTENERS];
static int listener_count;
static struct connection *connections;
static int connection_count;
static uint32_t last_channel = FORWARD_CHANNELS;

static void port_send(uint16_t type, uint32_t channel, const void *payload, size_t size)
{
	if (!agent.connection_lost)
		outbox_frame(&agent.outbox, type, channel, payload, size);
}

static void port_consumed(uint32_t channel, struct credit_receiver *receiver, size_t bytes)
{
	if (!agent.connection_lost)
		credit_consumed(receiver, bytes, &agent.outbox, channel);
}

static const struct tunnel_port port = {.send = port_send, .consumed = port_consumed};

static void forget(struct connection *connection)
{
	for (struct connection **at = &connections; *at != NULL; at = &(*at)->next) {
		if (*at != connection)
			continue;
		*at = connection->next;
		break;
	}
	connection_count--;
	watch_set(&connection->watch, 0);
	tunnel_free(&connection->tunnel);
	free(connection);
}

static void settle(struct connection *connection)
{
	uint32_t events = tunnel_events(&connection->tunnel);
	if (agent.outbox.queued > OUTBOX_BUSY)
		events &= ~(uint32_t)EPOLLIN;
	if (tunnel_done(&connection->tunnel) || agent.connection_lost)
		forget(connection);
	else
		watch_set(&connection->watch, events);
}

static void connection_act(struct watch *watch, uint32_t events)
{
	struct connection *connection = watch->owner;
	if (events & EPOLLOUT)
		tunnel_write(&connection->tunnel);
	if (!connection->tunnel.broken && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		tunnel_read(&connection->tunnel);
	settle(connection);
}

static uint32_t next_channel(void)
{
	last_channel = (last_channel + 1) | FORWARD_CHANNELS;
	return last_channel;
}

static void listener_act(struct watch *watch, uint32_t events)
{
	struct connection *connection;
	struct writer writer = {0};
	int fd = accept4(watch->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	connection = connection_count < MAXIMUM_CONNECTIONS && !agent.connection_lost ? calloc(1, sizeof *connection) : NULL;
	if (connection == NULL) {
		close(fd);
		return;
	}
	connection->watch = (struct watch){.fd = fd, .act = connection_act, .owner = connection};
	tunnel_start(&connection->tunnel, &port, fd, next_channel(), MESSAGE_STDOUT);
	connection->next = connections;
	connections = connection;
	connection_count++;
	write_number(&writer, TAG_NUMBER, (uint64_t)(watch - listeners));
	answer(MESSAGE_CONNECT, connection->tunnel.channel, &writer);
	if (!agent.connection_lost) /* else it is forgotten already */
		settle(connection);
}

/* The host's owner and mode say who in the guest may connect, as they do on the host. */
static int listen_at(struct span group, struct failure *failure)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	if (listener_count == MAXIMUM_LISTENERS)
		return fail_as(failure, "invalid", "MOUNT_INVALID", 0, "a virtual machine takes at most %d sockets",
			       MAXIMUM_LISTENERS);
	snprintf(address.sun_path, sizeof address.sun_path, AGENT_SOCKETS "/%d", listener_count);
	unlink(address.sun_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
	    chmod(address.sun_path, (mode_t)field_number(group, TAG_MODE, 0600) & 0777) < 0 ||
	    chown(address.sun_path, (uid_t)field_number(group, TAG_UID, 0), (gid_t)field_number(group, TAG_GID, 0)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int number = errno;
		if (fd >= 0)
			close(fd);
		return fail(failure, "SOCKET_FAILED", number, "cannot make a socket for the workload");
	}
	listeners[listener_count] = (struct watch){.fd = fd, .act = listener_act};
	watch_set(&listeners[listener_count++], EPOLLIN);
	return 0;
}

int forward_listen(struct span fields, struct failure *failure)
{
	struct span group;
	mkdir(AGENT_SOCKETS, 0755);
	for (struct span rest = fields; field_each(&rest, TAG_GUEST_MOUNT, &group);) {
		struct span type;
		if (field_find(group, TAG_TYPE, &type) && type.size == 6 && __builtin_memcmp(type.data, "socket", 6) == 0 &&
		    listen_at(group, failure) < 0)
			return -1;
	}
	return 0;
}

void forward_undo(void)
{
	while (connections != NULL)
		forget(connections);
	while (listener_count > 0)
		watch_close(&listeners[--listener_count]);
}

void forward_update(void)
{
	for (struct connection *connection = connections, *next; connection != NULL; connection = next) {
		next = connection->next;
		settle(connection);
	}
}

int forward_frame(const struct frame *frame)
{
	for (struct connection *connection = connections; connection != NULL; connection = connection->next) {
		if (connection->tunnel.channel != frame->channel)
			continue;
		if (tunnel_frame(&connection->tunnel, frame) < 0)
			return -1;
		settle(connection);
		break;
	}
	return 0;
}

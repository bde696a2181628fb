/*
 * A DHCP client of IPv6 (RFC 8415) for one interface. It asks only where a router says that addresses are DHCP's; the
 * way out is what the kernel takes from the same advertisement.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "boot.h"
#include "clock.h"
#include "lease6.h"
#include "netsetup.h"
#include "protocol.h"

enum { PACKET_SIZE = 1500, FIRST_WAIT = 1, LONGEST_WAIT = 32, DUID_SIZE = 10, MANAGED = 0x80 };

struct client {
	const char *interface;
	int fd;
	uint8_t transaction[3];
	uint8_t duid[DUID_SIZE]; /* of the card's own address (RFC 8415, 11.4) */
};

/* Returns once a router has said that addresses are DHCP's. */
static int await_router(const char *interface)
{
	struct icmp6_filter filter;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMPV6);
	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ND_ROUTER_ADVERT, &filter);
	if (fd < 0 || setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, strlen(interface) + 1) < 0)
		return -1;
	for (;;) {
		uint8_t packet[PACKET_SIZE];
		ssize_t size = recv(fd, packet, sizeof packet, 0);
		if (size < 0 && errno != EINTR && errno != ENETDOWN)
			return -1;
		if (size >= 8 && (packet[5] & MANAGED) != 0)
			return close(fd);
	}
}

static int open_client(struct client *client)
{
	struct ifreq request = {0};
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(CLIENT_PORT6)};
	client->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strncpy(request.ifr_name, client->interface, IFNAMSIZ - 1);
	if (client->fd < 0 || ioctl(client->fd, SIOCGIFHWADDR, &request) < 0)
		return -1;
	memcpy(client->duid, "\0\3\0\1", 4);
	memcpy(client->duid + 4, request.ifr_hwaddr.sa_data, 6);
	if (setsockopt(client->fd, SOL_SOCKET, SO_BINDTODEVICE, client->interface, strlen(client->interface) + 1) < 0)
		return -1;
	return bind(client->fd, (struct sockaddr *)&any, sizeof any);
}

static size_t put_option(uint8_t *packet, size_t at, unsigned option, const void *data, size_t size)
{
	const uint8_t head[] = {0, (uint8_t)option, (uint8_t)(size >> 8), (uint8_t)size};
	memcpy(packet + at, head, sizeof head);
	memcpy(packet + at + sizeof head, data, size);
	return at + sizeof head + size;
}

/* `lease` is what is asked for again, or NULL. */
static int send_message(const struct client *client, uint8_t kind, const struct lease6 *lease)
{
	static const uint8_t seconds[2];
	uint8_t packet[400] = {kind}, holding[12 + 4 + 24] = {0, 0, 0, 1};
	struct sockaddr_in6 all = {.sin6_family = AF_INET6, .sin6_port = htons(SERVER_PORT6)};
	all.sin6_scope_id = if_nametoindex(client->interface);
	inet_pton(AF_INET6, "ff02::1:2", &all.sin6_addr);
	memcpy(packet + 1, client->transaction, 3);
	size_t at = put_option(packet, 4, OPTION6_CLIENT, client->duid, DUID_SIZE);
	if (lease != NULL)
		at = put_option(packet, at, OPTION6_SERVER, lease->server, lease->server_size);
	at = put_option(packet, at, OPTION6_ELAPSED, seconds, sizeof seconds);
	if (lease != NULL) {
		holding[13] = OPTION6_ADDRESS;
		holding[15] = 24;
		memcpy(holding + 16, lease->address, 16);
	}
	at = put_option(packet, at, OPTION6_HOLDING, holding, lease == NULL ? 12 : sizeof holding);
	return sendto(client->fd, packet, at, 0, (struct sockaddr *)&all, sizeof all) < 0 ? -1 : 0;
}

/* Whether an answer of that kind to us came within `seconds`, with an address. */
static bool await_answer(const struct client *client, int kind, int seconds, struct lease6 *lease)
{
	static const uint8_t none[16];
	int64_t end = milliseconds_now() + seconds * 1000;
	for (int64_t left; (left = end - milliseconds_now()) > 0;) {
		uint8_t packet[PACKET_SIZE];
		struct pollfd waiting = {.fd = client->fd, .events = POLLIN};
		if (poll(&waiting, 1, (int)left) <= 0)
			continue;
		ssize_t size = recv(client->fd, packet, sizeof packet, 0);
		if (size > 0 && lease6_parse(packet, (size_t)size, client->transaction, client->duid, DUID_SIZE, lease) == kind &&
		    memcmp(lease->address, none, sizeof none) != 0)
			return true;
	}
	return false;
}

static bool exchange(struct client *client, uint8_t kind, int answer, int seconds, struct lease6 *lease)
{
	struct lease6 said;
	const struct lease6 *known = kind == SOLICIT6 ? NULL : lease;
	if (getrandom(client->transaction, sizeof client->transaction, 0) < 0 || send_message(client, kind, known) < 0) {
		sleep((unsigned)seconds);
		return false;
	}
	if (!await_answer(client, answer, seconds, &said))
		return false;
	*lease = said;
	return true;
}

static void apply(const struct client *client, const struct lease6 *lease)
{
	struct failure failure;
	struct writer writer = {0};
	char address[INET6_ADDRSTRLEN];
	inet_ntop(AF_INET6, lease->address, address, sizeof address);
	size_t interface = write_group(&writer, TAG_INTERFACE);
	write_text(&writer, TAG_DEVICE, client->interface);
	write_text(&writer, TAG_NAME, client->interface);
	write_text(&writer, TAG_ADDRESS, address);
	write_group_end(&writer, interface);
	if (writer.failed || netsetup_apply((struct span){writer.data, writer.size}, &failure) < 0)
		say("%s: %s", client->interface, writer.failed ? "no memory" : failure.message);
	else
		say("%s has the address %s", client->interface, address);
	writer_free(&writer);
}

/* Renews until the lease is over (RFC 8415, 18.2.4: half of it, then half of the rest). */
static void keep(struct client *client, struct lease6 *lease)
{
	int64_t end = milliseconds_now() / 1000 + lease->seconds;
	for (int64_t left; (left = end - milliseconds_now() / 1000) > 0;) {
		struct lease6 renewed = *lease;
		sleep((unsigned)(left > 120 ? left / 2 : 60));
		if (!exchange(client, RENEW6, REPLY6, 10, &renewed) || memcmp(renewed.address, lease->address, 16) != 0)
			continue;
		*lease = renewed;
		end = milliseconds_now() / 1000 + lease->seconds;
	}
}

void dhcp6_run(const char *interface)
{
	struct client client = {.interface = interface};
	struct lease6 lease;
	int wait = FIRST_WAIT;
	/* A kernel without IPv6 has nobody to ask. */
	if (await_router(interface) < 0 || open_client(&client) < 0)
		_exit(0);
	for (;;) {
		if (!exchange(&client, SOLICIT6, ADVERTISE6, wait, &lease) ||
		    !exchange(&client, REQUEST6, REPLY6, wait, &lease)) {
			wait = wait * 2 > LONGEST_WAIT ? LONGEST_WAIT : wait * 2;
			continue;
		}
		wait = FIRST_WAIT;
		apply(&client, &lease);
		if (lease.seconds == UINT32_MAX)
			_exit(0);
		keep(&client, &lease);
	}
}

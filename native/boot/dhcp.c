/* A DHCP client (RFC 2131) for one interface: asks, applies what it was given, and renews it. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
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
#include "lease.h"
#include "netsetup.h"
#include "protocol.h"

enum { PACKET_SIZE = 576, FIRST_WAIT = 2, LONGEST_WAIT = 32 };

struct client {
	const char *interface;
	int fd;
	uint32_t transaction;
	uint8_t mac[6];
};

static int open_client(struct client *client)
{
	struct ifreq request = {0};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(68)};
	int yes = 1;
	client->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strncpy(request.ifr_name, client->interface, IFNAMSIZ - 1);
	if (client->fd < 0 || ioctl(client->fd, SIOCGIFHWADDR, &request) < 0)
		return -1;
	memcpy(client->mac, request.ifr_hwaddr.sa_data, 6);
	if (setsockopt(client->fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof yes) < 0 ||
	    setsockopt(client->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
	    setsockopt(client->fd, SOL_SOCKET, SO_BINDTODEVICE, client->interface, strlen(client->interface) + 1) < 0)
		return -1;
	return bind(client->fd, (struct sockaddr *)&any, sizeof any);
}

static size_t put_option(uint8_t *packet, size_t at, uint8_t option, const void *data, size_t size)
{
	packet[at] = option;
	packet[at + 1] = (uint8_t)size;
	memcpy(packet + at + 2, data, size);
	return at + 2 + size;
}

static int send_message(struct client *client, uint8_t kind, const struct lease *lease, bool renewing)
{
	static const uint8_t cookie[4] = {99, 130, 83, 99};
	static const uint8_t wanted[] = {OPTION_MASK, OPTION_ROUTER, OPTION_SERVERS, OPTION_DOMAIN, OPTION_MTU, OPTION_SECONDS};
	uint8_t packet[PACKET_SIZE] = {1, 1, 6, 0};
	char hostname[64] = "";
	memcpy(packet + 4, &client->transaction, 4);
	/* Before there is an address the answer has to be broadcast. */
	packet[10] = renewing ? 0 : 0x80;
	if (renewing)
		memcpy(packet + 12, &lease->address, 4);
	memcpy(packet + 28, client->mac, 6);
	memcpy(packet + 236, cookie, 4);
	size_t at = put_option(packet, FIXED_SIZE, OPTION_KIND, &kind, 1);
	if (kind == REQUEST && !renewing) {
		at = put_option(packet, at, OPTION_ADDRESS, &lease->address, 4);
		at = put_option(packet, at, OPTION_SERVER, &lease->server, 4);
	}
	at = put_option(packet, at, OPTION_WANTED, wanted, sizeof wanted);
	if (gethostname(hostname, sizeof hostname - 1) == 0 && hostname[0] != 0 && strcmp(hostname, "(none)") != 0)
		at = put_option(packet, at, OPTION_HOSTNAME, hostname, strlen(hostname));
	packet[at++] = 255;
	struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(67), .sin_addr.s_addr = INADDR_BROADCAST};
	return sendto(client->fd, packet, at < 300 ? 300 : at, 0, (struct sockaddr *)&all, sizeof all) < 0 ? -1 : 0;
}

/* The kind of the first answer to us within `seconds`; 0 for none. */
static int await_answer(struct client *client, int seconds, struct lease *lease)
{
	int64_t end = milliseconds_now() + seconds * 1000;
	for (int64_t left; (left = end - milliseconds_now()) > 0;) {
		uint8_t packet[1500];
		struct pollfd waiting = {.fd = client->fd, .events = POLLIN};
		if (poll(&waiting, 1, (int)left) <= 0)
			continue;
		ssize_t size = recv(client->fd, packet, sizeof packet, 0);
		int kind = size <= 0 ? 0 : lease_parse(packet, (size_t)size, client->transaction, client->mac, lease);
		if (kind != 0)
			return kind;
	}
	return 0;
}

static bool ask(struct client *client, int seconds, struct lease *lease)
{
	struct lease answer;
	if (getrandom(&client->transaction, sizeof client->transaction, 0) < 0 ||
	    send_message(client, DISCOVER, NULL, false) < 0 || await_answer(client, seconds, &answer) != OFFER)
		return false;
	*lease = answer;
	if (send_message(client, REQUEST, lease, false) < 0 || await_answer(client, seconds, &answer) != ACK)
		return false;
	*lease = answer;
	return lease->address != 0;
}

static void write_resolver(const struct lease *lease)
{
	char text[800] = "", address[INET_ADDRSTRLEN];
	size_t at = 0;
	if (lease->domain[0] != 0)
		at += (size_t)snprintf(text, sizeof text, "search %s\n", lease->domain);
	for (int i = 0; i < lease->server_count; i++) {
		inet_ntop(AF_INET, &lease->servers[i], address, sizeof address);
		at += (size_t)snprintf(text + at, sizeof text - at, "nameserver %s\n", address);
	}
	if (lease->server_count > 0)
		files_lay("/etc/resolv.conf", text);
}

static void apply(const struct client *client, const struct lease *lease)
{
	struct failure failure;
	struct writer writer = {0};
	char address[INET_ADDRSTRLEN], text[64];
	uint32_t mask = ntohl(lease->mask);
	int prefix = mask == 0 ? 24 : __builtin_popcount(mask);
	inet_ntop(AF_INET, &lease->address, address, sizeof address);
	snprintf(text, sizeof text, "%s/%d", address, prefix);
	size_t interface = write_group(&writer, TAG_INTERFACE);
	write_text(&writer, TAG_DEVICE, client->interface);
	write_text(&writer, TAG_NAME, client->interface);
	write_text(&writer, TAG_ADDRESS, text);
	if (lease->mtu >= 576)
		write_number(&writer, TAG_MTU, lease->mtu);
	if (lease->router != 0) {
		size_t route = write_group(&writer, TAG_ROUTE);
		inet_ntop(AF_INET, &lease->router, address, sizeof address);
		write_text(&writer, TAG_DESTINATION, "default");
		write_text(&writer, TAG_GATEWAY, address);
		write_group_end(&writer, route);
	}
	write_group_end(&writer, interface);
	if (writer.failed || netsetup_apply((struct span){writer.data, writer.size}, &failure) < 0)
		say("%s: %s", client->interface, writer.failed ? "no memory" : failure.message);
	writer_free(&writer);
	write_resolver(lease);
	say("%s has the address %s", client->interface, text);
}

static void pause_for(int64_t seconds)
{
	struct timespec time = {.tv_sec = seconds};
	while (nanosleep(&time, &time) < 0 && errno == EINTR)
		;
}

/* Renews until the server refuses or the lease is over (RFC 2131, 4.4.5: half of it, then half of the rest). */
static void keep(struct client *client, struct lease *lease)
{
	int64_t end = milliseconds_now() / 1000 + lease->seconds;
	for (;;) {
		int64_t left = end - milliseconds_now() / 1000;
		if (left <= 0)
			return;
		pause_for(left > 120 ? left / 2 : 60);
		struct lease answer;
		if (send_message(client, REQUEST, lease, true) < 0)
			continue;
		int kind = await_answer(client, 10, &answer);
		if (kind == NAK)
			return;
		if (kind == ACK && answer.address == lease->address)
			end = milliseconds_now() / 1000 + (answer.seconds == 0 ? lease->seconds : answer.seconds);
	}
}

void dhcp_run(const char *interface, int ready)
{
	struct client client = {.interface = interface};
	struct lease lease;
	int wait = FIRST_WAIT;
	if (open_client(&client) < 0) {
		say("%s: cannot ask for an address: %s", interface, strerror(errno));
		_exit(1);
	}
	for (;;) {
		if (!ask(&client, wait, &lease)) {
			wait = wait * 2 > LONGEST_WAIT ? LONGEST_WAIT : wait * 2;
			continue;
		}
		wait = FIRST_WAIT;
		apply(&client, &lease);
		if (ready >= 0 && write(ready, "", 1) == 1) {
			close(ready);
			ready = -1;
		}
		if (lease.seconds == 0 || lease.seconds == UINT32_MAX)
			_exit(0);
		keep(&client, &lease);
	}
}

#include "offers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "offer.h"
#include "protocol.h"

/* Between two answers, so that a guest that asks without end takes next to nothing of the host. */
enum { PAUSE_MILLISECONDS = 20, RECEIVE_BUFFER = 16 << 10 };

struct service {
	struct source source;
	struct timer pause;
	struct offer offer;
	char device[IFNAMSIZ];
	struct service *next;
};

static struct service *services;
/* The last NETWORK with TAG_HOSTNAME: what all cards are told alike. A later daemon does not repeat it. */
static struct span told;

static void service_end(struct service *service)
{
	for (struct service **at = &services; *at != NULL; at = &(*at)->next) {
		if (*at != service)
			continue;
		*at = service->next;
		break;
	}
	timer_stop(&service->pause);
	source_close(&service->source);
	free_later(service);
}

/* The kernel takes the card's number off the socket when the card itself goes. */
static bool is_gone(const struct service *service)
{
	struct sockaddr_ll address = {0};
	socklen_t size = sizeof address;
	return getsockname(service->source.fd, (struct sockaddr *)&address, &size) < 0 || address.sll_ifindex <= 0;
}

/* One that was down before it went has told nobody. */
static void end_gone(void)
{
	for (struct service *at = services, *next; at != NULL; at = next) {
		next = at->next;
		if (is_gone(at))
			service_end(at);
	}
}

static void pause_over(struct timer *timer)
{
	struct service *service = owner_of(timer, struct service, pause);
	source_change(&service->source, EPOLLIN);
}

static void service_ready(struct source *source, uint32_t events)
{
	struct service *service = owner_of(source, struct service, source);
	uint8_t frame[2048], answer[OFFER_SIZE];
	struct sockaddr_ll from = {0};
	socklen_t from_size = sizeof from;
	(void)events;
	ssize_t got = recvfrom(source->fd, frame, sizeof frame, 0, (struct sockaddr *)&from, &from_size);
	/* A card that goes down says so once; where it comes up again, the kernel goes on by itself. */
	if (got < 0 && errno != EAGAIN && errno != EINTR && (errno != ENETDOWN || is_gone(service))) {
		service_end(service);
		return;
	}
	if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	size_t size = offer_answer(&service->offer, frame, (size_t)got, answer);
	if (size > 0 && send(source->fd, answer, size, MSG_DONTWAIT) < 0)
		errno = 0; /* it asks again */
	source_change(source, 0);
	timer_start(&service->pause, PAUSE_MILLISECONDS, pause_over);
}

/* IPv4, UDP, no later piece, to the server's port: nothing else wakes the shim. */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 17, 0, 6),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 4, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SERVER_PORT, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 2048),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/*
 * All protocols, since a bridge takes a frame away before those that wait for one protocol see it. Bound last:
 * until then nothing comes.
 */
static int open_socket(const char *device)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), room = RECEIVE_BUFFER;
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
	address.sll_ifindex = (int)if_nametoindex(device);
	if (fd < 0)
		return -1;
	if (address.sll_ifindex != 0 && attach_filter(fd) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int number = errno;
	close(fd);
	errno = number;
	return -1;
}

static void copy_text(struct span fields, uint16_t tag, char *out, size_t size)
{
	char *text = field_text(fields, tag);
	out[0] = 0;
	if (text != NULL && strlen(text) < size)
		memcpy(out, text, strlen(text) + 1);
	free(text);
}

static bool read_address(struct span value, uint32_t *address, int *prefix)
{
	char *text = span_text(value), *slash = text == NULL ? NULL : strchr(text, '/');
	if (slash != NULL)
		*slash = 0;
	bool good = text != NULL && inet_pton(AF_INET, text, address) == 1;
	if (good && prefix != NULL)
		*prefix = slash == NULL ? 32 : (int)strtoul(slash + 1, NULL, 10);
	free(text);
	return good;
}

/* False for an interface that has no address of IPv4: it is told nothing. */
static bool read_offer(struct span fields, struct offer *offer)
{
	struct span value, gateway;
	char mac[18];
	int prefix = -1;
	*offer = (struct offer){.mtu = (uint32_t)field_number(fields, TAG_MTU, 0)};
	copy_text(fields, TAG_MAC, mac, sizeof mac);
	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &offer->mac[0], &offer->mac[1], &offer->mac[2], &offer->mac[3],
		   &offer->mac[4], &offer->mac[5]) != 6)
		return false;
	for (struct span rest = fields; offer->router == 0 && field_each(&rest, TAG_ROUTE, &value);)
		if (field_find(value, TAG_GATEWAY, &gateway))
			read_address(gateway, &offer->router, NULL);
	for (struct span rest = fields; prefix < 0 && field_each(&rest, TAG_ADDRESS, &value);)
		read_address(value, &offer->address, &prefix);
	if (prefix < 1 || prefix > 32)
		return false;
	offer->mask = htonl(UINT32_MAX << (32 - prefix));
	for (struct span rest = told; offer->server_count < MOST_SERVERS && field_each(&rest, TAG_NAMESERVER, &value);)
		if (read_address(value, &offer->servers[offer->server_count], NULL))
			offer->server_count++;
	copy_text(told, TAG_HOSTNAME, offer->hostname, sizeof offer->hostname);
	copy_text(told, TAG_DOMAINNAME, offer->domain, sizeof offer->domain);
	return true;
}

static struct service *find_service(const char *device)
{
	for (struct service *at = services; at != NULL; at = at->next)
		if (strcmp(at->device, device) == 0)
			return at;
	return NULL;
}

static int serve(struct span fields, struct failure *failure)
{
	struct offer offer;
	char device[IFNAMSIZ];
	copy_text(fields, TAG_DEVICE, device, sizeof device);
	struct service *service = find_service(device);
	if (!read_offer(fields, &offer)) {
		/* The way out of the networks has moved to this card: it is told so when it asks the next time. */
		if (service != NULL && offer.router != 0)
			service->offer.router = offer.router;
		return 0;
	}
	/* Under one name there may be another card by now. */
	if (service != NULL)
		service_end(service);
	service = calloc(1, sizeof *service);
	int fd = service == NULL ? -1 : open_socket(device);
	if (fd < 0 || source_add(&service->source, fd, EPOLLIN, service_ready) < 0) {
		int number = errno;
		if (fd >= 0)
			close(fd);
		free(service);
		return fail(failure, "DHCP_FAILED", number, "cannot answer DHCP on %s", device);
	}
	service->offer = offer;
	memcpy(service->device, device, sizeof device);
	service->next = services;
	services = service;
	return 0;
}

int offers_serve(struct span fields, struct failure *failure)
{
	struct span value;
	if (field_find(fields, TAG_HOSTNAME, &value)) {
		uint8_t *copy = malloc(fields.size);
		if (copy == NULL)
			return fail(failure, "NO_MEMORY", ENOMEM, "cannot remember what to tell the machine");
		memcpy(copy, fields.data, fields.size);
		free((void *)told.data);
		told = (struct span){copy, fields.size};
	}
	end_gone();
	for (struct span rest = fields; field_each(&rest, TAG_INTERFACE, &value);)
		if (serve(value, failure) < 0)
			return -1;
	return 0;
}

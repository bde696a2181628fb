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

#include "bridge-address.h"
#include "clock.h"
#include "dhcp6.h"
#include "loop.h"
#include "offer.h"
#include "offer6.h"
#include "protocol.h"

/* Between two answers, so that a guest that asks without end takes next to nothing of the host. */
enum { PAUSE_MILLISECONDS = 20, RECEIVE_BUFFER = 16 << 10 };
/* Before what the last advertisement said is over, and for a guest that missed it. */
enum { ADVERTISE_MILLISECONDS = 600000, FOUND_MILLISECONDS = 1000, MISSING_MILLISECONDS = 200 };

/* What a card is told; a prefix of 0: nothing of that kind. */
struct told {
	struct offer ipv4;
	int prefix4;
	struct offer6 ipv6;
	uint8_t gateway6[16]; /* all 0: none */
};

struct service {
	struct source source;
	struct timer pause;
	struct timer again;
	struct told told;
	int64_t look_at; /* for the router again, milliseconds of CLOCK_MONOTONIC */
	char device[IFNAMSIZ];
	struct service *next;
};

static const uint8_t none[16];
static struct service *services;
/* The last NETWORK with TAG_HOSTNAME: what all cards are told alike. A later daemon does not repeat it. */
static struct span common;

static void service_end(struct service *service)
{
	for (struct service **at = &services; *at != NULL; at = &(*at)->next) {
		if (*at != service)
			continue;
		*at = service->next;
		break;
	}
	timer_stop(&service->pause);
	timer_stop(&service->again);
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

/* The bridge may have got another address since. To look for it takes longer the more devices there are. */
static struct offer6 *current6(struct service *service)
{
	struct offer6 *offer = &service->told.ipv6;
	if (memcmp(service->told.gateway6, none, sizeof none) == 0 || milliseconds_now() < service->look_at)
		return offer;
	memset(offer->router, 0, sizeof offer->router);
	bool is_found = bridge_address(service->told.gateway6, offer->router);
	service->look_at = milliseconds_now() + (is_found ? FOUND_MILLISECONDS : MISSING_MILLISECONDS);
	return offer;
}

static void advertise(struct timer *timer)
{
	struct service *service = owner_of(timer, struct service, again);
	uint8_t frame[OFFER_SIZE];
	size_t size = offer6_advertise(current6(service), frame);
	if (send(service->source.fd, frame, size, MSG_DONTWAIT) < 0)
		errno = 0; /* it is said again */
	timer_start(&service->again, ADVERTISE_MILLISECONDS, advertise);
}

/* There is one way out: who was it says that it is no more. */
static void lead_out(struct service *service, const uint8_t gateway[16])
{
	for (struct service *at = services; at != NULL; at = at->next) {
		if (at == service || !at->told.ipv6.leads_out)
			continue;
		at->told.ipv6.leads_out = false;
		advertise(&at->again);
	}
	memcpy(service->told.gateway6, gateway, sizeof none);
	service->told.ipv6.leads_out = true;
	service->look_at = 0;
	advertise(&service->again);
}

static size_t answer_to(struct service *service, const uint8_t *frame, size_t size, uint8_t answer[OFFER_SIZE])
{
	size_t written = 0;
	if (service->told.prefix4 > 0)
		written = offer_answer(&service->told.ipv4, frame, size, answer);
	if (written == 0 && service->told.ipv6.prefix > 0)
		written = offer6_answer(current6(service), frame, size, answer);
	return written;
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
	size_t size = answer_to(service, frame, (size_t)got, answer);
	if (size > 0 && send(source->fd, answer, size, MSG_DONTWAIT) < 0)
		errno = 0; /* it asks again */
	source_change(source, 0);
	timer_start(&service->pause, PAUSE_MILLISECONDS, pause_over);
}

/*
 * UDP to a server's port, over IPv4 no later piece, and who asks for a router: nothing else wakes the shim.
 * Where a jump leads is said by the number of instructions between.
 */
static int attach_filter(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IP, 0, 7),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 12, 0),
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 14),
		BPF_STMT(BPF_LD | BPF_H | BPF_IND, 16),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SERVER_PORT, 8, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETHERTYPE_IPV6, 0, 8),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 20),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 5),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 56),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SERVER_PORT6, 2, 3),
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 54),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ROUTER_SOLICITATION, 0, 1),
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

/* A CIDR, or an address alone where `prefix` is NULL, of that family. */
static bool read_address(struct span value, int family, void *address, int *prefix)
{
	char *text = span_text(value), *slash = text == NULL ? NULL : strchr(text, '/');
	int most = family == AF_INET ? 32 : 128;
	if (slash != NULL)
		*slash = 0;
	bool good = text != NULL && inet_pton(family, text, address) == 1;
	if (good && prefix != NULL)
		*prefix = slash == NULL ? most : (int)strtoul(slash + 1, NULL, 10);
	free(text);
	return good && (prefix == NULL || (*prefix >= 1 && *prefix <= most));
}

static void read_addresses(struct span fields, struct told *told)
{
	struct span value, gateway;
	for (struct span rest = fields; field_each(&rest, TAG_ROUTE, &value);) {
		if (!field_find(value, TAG_GATEWAY, &gateway))
			continue;
		if (told->ipv4.router == 0)
			read_address(gateway, AF_INET, &told->ipv4.router, NULL);
		if (read_address(gateway, AF_INET6, told->gateway6, NULL))
			told->ipv6.leads_out = true;
	}
	/* One of the link that the user gave the card beside is none to tell. */
	for (struct span rest = fields; field_each(&rest, TAG_ADDRESS, &value);) {
		uint8_t address[16];
		int prefix;
		if (told->prefix4 == 0 && read_address(value, AF_INET, address, &prefix)) {
			memcpy(&told->ipv4.address, address, 4);
			told->prefix4 = prefix;
		}
		if (told->ipv6.prefix == 0 && read_address(value, AF_INET6, address, &prefix) && address[0] != 0xfe) {
			memcpy(told->ipv6.address, address, 16);
			told->ipv6.prefix = prefix;
		}
	}
}

/* False for an interface that has no address: it is told nothing. */
static bool read_told(struct span fields, struct told *told)
{
	struct span value;
	char mac[18];
	struct offer *ipv4 = &told->ipv4;
	struct offer6 *ipv6 = &told->ipv6;
	*told = (struct told){0};
	ipv4->mtu = ipv6->mtu = (uint32_t)field_number(fields, TAG_MTU, 0);
	copy_text(fields, TAG_MAC, mac, sizeof mac);
	if (sscanf(mac, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &ipv4->mac[0], &ipv4->mac[1], &ipv4->mac[2], &ipv4->mac[3],
		   &ipv4->mac[4], &ipv4->mac[5]) != 6)
		return false;
	memcpy(ipv6->mac, ipv4->mac, sizeof ipv6->mac);
	read_addresses(fields, told);
	if (told->prefix4 == 0 && ipv6->prefix == 0)
		return false;
	ipv4->mask = told->prefix4 == 0 ? 0 : htonl(UINT32_MAX << (32 - told->prefix4));
	for (struct span rest = common; field_each(&rest, TAG_NAMESERVER, &value);) {
		if (ipv4->server_count < MOST_SERVERS && read_address(value, AF_INET, &ipv4->servers[ipv4->server_count], NULL))
			ipv4->server_count++;
		else if (ipv6->server_count < MOST_SERVERS &&
			 read_address(value, AF_INET6, ipv6->servers[ipv6->server_count], NULL))
			ipv6->server_count++;
	}
	copy_text(common, TAG_HOSTNAME, ipv4->hostname, sizeof ipv4->hostname);
	copy_text(common, TAG_DOMAINNAME, ipv4->domain, sizeof ipv4->domain);
	memcpy(ipv6->domain, ipv4->domain, sizeof ipv6->domain);
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
	struct told told;
	char device[IFNAMSIZ];
	copy_text(fields, TAG_DEVICE, device, sizeof device);
	struct service *service = find_service(device);
	if (!read_told(fields, &told)) {
		/* The way out of the networks has moved to this card: by DHCP it is told so when it asks the next time. */
		if (service != NULL && told.ipv4.router != 0)
			service->told.ipv4.router = told.ipv4.router;
		if (service != NULL && told.ipv6.leads_out)
			lead_out(service, told.gateway6);
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
	service->told = told;
	memcpy(service->device, device, sizeof device);
	service->next = services;
	services = service;
	if (told.ipv6.leads_out)
		lead_out(service, told.gateway6);
	else if (told.ipv6.prefix > 0)
		advertise(&service->again);
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
		free((void *)common.data);
		common = (struct span){copy, fields.size};
	}
	end_gone();
	for (struct span rest = fields; field_each(&rest, TAG_INTERFACE, &value);)
		if (serve(value, failure) < 0)
			return -1;
	return 0;
}

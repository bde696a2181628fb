#include "offer6.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "dhcp6.h"

enum { ETHERNET = 14, INTERNET = 40, DATAGRAM = 8, TTL = 255, MESSAGE = 4, DUID_SIZE = 10, HOLDING = 12, ADDRESS = 24 };
/* The longest that a router may be one (RFC 4861, 6.2.1); ours says so again long before. */
enum { ROUTER_SECONDS = 9000 };

/* Our side of the conversation: locally administered, and on no other link. Its link-local address follows from it. */
static const uint8_t own_mac[6] = {0x02, 0x64, 0x75, 0x65, 0x74, 0x67};
static const uint8_t own_address[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x00, 0x64, 0x75, 0xff, 0xfe, 0x65, 0x74, 0x67};
/* Of a link-layer address (RFC 8415, 11.4). */
static const uint8_t own_duid[DUID_SIZE] = {0, 3, 0, 1, 0x02, 0x64, 0x75, 0x65, 0x74, 0x67};
static const uint8_t all_nodes[16] = {0xff, 0x02, [15] = 1};

struct bytes {
	const uint8_t *data;
	size_t size;
};

struct question {
	const uint8_t *message; /* MESSAGE bytes at least */
	struct bytes client;
	bool has_server;
	bool is_for_us; /* or names no server */
	bool is_rapid;
	const uint8_t *holding; /* the first IA_NA's identifier; NULL: asks for no address */
	const uint8_t *held; /* an address in it; NULL: none */
};

static unsigned read_short(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static uint8_t *put_short(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return at + 2;
}

static uint8_t *put_long(uint8_t *at, uint32_t value)
{
	return put_short(put_short(at, value >> 16), value & 0xffff);
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t size)
{
	memcpy(at, data, size);
	return at + size;
}

static uint8_t *put(uint8_t *at, unsigned option, const void *data, size_t size)
{
	return put_bytes(put_short(put_short(at, option), size), data, size);
}

/* The next option of `rest`; false at the end, and `broken` where what follows is none. */
static bool next_option(struct bytes *rest, unsigned *option, struct bytes *value, bool *broken)
{
	if (rest->size == 0)
		return false;
	if (rest->size < 4 || read_short(rest->data + 2) > rest->size - 4) {
		*broken = true;
		return false;
	}
	*option = read_short(rest->data);
	*value = (struct bytes){rest->data + 4, read_short(rest->data + 2)};
	*rest = (struct bytes){value->data + value->size, rest->size - 4 - value->size};
	return true;
}

static void read_holding(struct question *question, struct bytes value, bool *broken)
{
	unsigned option;
	struct bytes inner, rest = {value.data + HOLDING, value.size - HOLDING};
	question->holding = value.data;
	while (next_option(&rest, &option, &inner, broken))
		if (option == OPTION6_ADDRESS && inner.size >= ADDRESS && question->held == NULL)
			question->held = inner.data;
}

static bool read_question(struct bytes message, struct question *question)
{
	unsigned option;
	bool broken = false;
	struct bytes value, rest = {message.data + MESSAGE, message.size - MESSAGE};
	*question = (struct question){.message = message.data, .is_for_us = true};
	while (next_option(&rest, &option, &value, &broken)) {
		if (option == OPTION6_CLIENT && value.size >= 1 && value.size <= LONGEST_DUID)
			question->client = value;
		else if (option == OPTION6_SERVER) {
			question->has_server = true;
			question->is_for_us = value.size == DUID_SIZE && memcmp(value.data, own_duid, DUID_SIZE) == 0;
		} else if (option == OPTION6_RAPID)
			question->is_rapid = true;
		else if (option == OPTION6_HOLDING && value.size >= HOLDING && question->holding == NULL)
			read_holding(question, value, &broken);
	}
	return !broken;
}

/* The kind of the answer; 0: none (RFC 8415, 16: who has to name himself and a server). */
static int decide(const struct question *question)
{
	bool names_client = question->client.size > 0;
	switch (question->message[0]) {
	case SOLICIT6:
		return !names_client || question->has_server ? 0 : question->is_rapid ? REPLY6 : ADVERTISE6;
	case REQUEST6:
	case RENEW6:
	case RELEASE6:
	case DECLINE6:
		return names_client && question->has_server && question->is_for_us ? REPLY6 : 0;
	case REBIND6:
		return names_client && !question->has_server ? REPLY6 : 0;
	case CONFIRM6:
		return names_client && !question->has_server && question->held != NULL ? REPLY6 : 0;
	case INFORM6:
		return question->is_for_us ? REPLY6 : 0;
	default:
		return 0;
	}
}

static uint8_t *put_address(uint8_t *at, const uint8_t address[16], uint32_t seconds)
{
	at = put_bytes(put_short(put_short(at, OPTION6_ADDRESS), ADDRESS), address, 16);
	return put_long(put_long(at, seconds), seconds);
}

/* For ever; an address that it had and has no more is over at once. */
static uint8_t *put_holding(const struct offer6 *offer, const struct question *question, uint8_t *at)
{
	uint8_t *size = at + 2;
	at = put_bytes(put_long(at, (uint32_t)OPTION6_HOLDING << 16), question->holding, 4);
	at = put_long(put_long(at, UINT32_MAX), UINT32_MAX);
	at = put_address(at, offer->address, UINT32_MAX);
	if (question->held != NULL && memcmp(question->held, offer->address, 16) != 0)
		at = put_address(at, question->held, 0);
	put_short(size, (size_t)(at - size - 2));
	return at;
}

static uint8_t *put_status(uint8_t *at, unsigned status)
{
	return put_short(put_short(put_short(at, OPTION6_STATUS), 2), status);
}

/* As names stand in DNS (RFC 1035, 3.1); nothing where it is no name. */
static uint8_t *put_domain(uint8_t *at, const char *domain)
{
	uint8_t *begin = at;
	at = put_long(at, (uint32_t)OPTION6_DOMAINS << 16);
	for (const char *label = domain; *label != 0;) {
		size_t size = strcspn(label, ".");
		if (size == 0 || size > 63)
			return begin;
		*at++ = (uint8_t)size;
		at = put_bytes(at, label, size);
		label += size + (label[size] == '.');
	}
	*at++ = 0;
	put_short(begin + 2, (size_t)(at - begin - 4));
	return at;
}

static size_t write_message(const struct offer6 *offer, const struct question *question, int kind, uint8_t *message)
{
	int asked = question->message[0];
	memcpy(message, question->message, MESSAGE);
	message[0] = (uint8_t)kind;
	uint8_t *at = put(message + MESSAGE, OPTION6_SERVER, own_duid, DUID_SIZE);
	if (question->client.size > 0)
		at = put(at, OPTION6_CLIENT, question->client.data, question->client.size);
	if (asked == RELEASE6 || asked == DECLINE6)
		return (size_t)(put_status(at, STATUS6_SUCCESS) - message);
	if (asked == CONFIRM6) {
		bool is_ours = memcmp(question->held, offer->address, 16) == 0;
		return (size_t)(put_status(at, is_ours ? STATUS6_SUCCESS : STATUS6_NOT_ON_LINK) - message);
	}
	if (kind == ADVERTISE6)
		at = put(at, OPTION6_PREFERENCE, "\xff", 1); /* there is no other: it need not wait for one */
	if (asked == SOLICIT6 && kind == REPLY6)
		at = put(at, OPTION6_RAPID, "", 0);
	if (question->holding != NULL && asked != INFORM6)
		at = put_holding(offer, question, at);
	if (offer->server_count > 0)
		at = put(at, OPTION6_SERVERS, offer->servers, (size_t)offer->server_count * 16);
	if (offer->domain[0] != 0)
		at = put_domain(at, offer->domain);
	return (size_t)(at - message);
}

static uint32_t add_up(uint32_t sum, const uint8_t *data, size_t size)
{
	for (size_t at = 0; at + 1 < size; at += 2)
		sum += read_short(data + at);
	return size % 2 == 0 ? sum : sum + ((uint32_t)data[size - 1] << 8);
}

/* The headers before a payload of `size` bytes, and its checksum, which is at `checksum` in it; the frame's size. */
static size_t wrap(uint8_t *frame, const uint8_t mac[6], const uint8_t from[16], const uint8_t to[16], uint8_t protocol,
		   size_t size, size_t checksum)
{
	uint8_t *packet = frame + ETHERNET, *payload = packet + INTERNET;
	memcpy(frame, mac, 6);
	memcpy(frame + 6, own_mac, 6);
	put_short(frame + 12, ETHERTYPE_IPV6);
	packet[0] = 0x60;
	put_short(packet + 4, size);
	packet[6] = protocol;
	packet[7] = TTL;
	memcpy(packet + 8, from, 16);
	memcpy(packet + 24, to, 16);
	uint32_t sum = add_up(add_up((uint32_t)size + protocol, packet + 8, 32), payload, size);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_short(payload + checksum, sum == 0xffff ? 0xffff : ~sum & 0xffff);
	return ETHERNET + INTERNET + size;
}

size_t offer6_advertise(const struct offer6 *offer, uint8_t answer[OFFER_SIZE])
{
	static const uint8_t nowhere[16], to_all[6] = {0x33, 0x33, 0, 0, 0, 1};
	bool has_router = memcmp(offer->router, nowhere, 16) != 0;
	memset(answer, 0, OFFER_SIZE);
	uint8_t *message = answer + ETHERNET + INTERNET;
	message[0] = ROUTER_ADVERTISEMENT;
	message[4] = 64;
	message[5] = 0xc0; /* addresses and the rest are DHCP's */
	put_short(message + 6, has_router && offer->leads_out ? ROUTER_SECONDS : 0);
	uint8_t *at = message + 16;
	if (offer->mtu != 0) {
		at = put_bytes(at, (const uint8_t[]){NEIGHBOR_MTU, 1, 0, 0}, 4);
		at = put_long(at, offer->mtu);
	}
	/* On the link, but no address makes itself of it. */
	at = put_bytes(at, (const uint8_t[]){NEIGHBOR_PREFIX, 4, (uint8_t)offer->prefix, 0x80}, 4);
	at = put_long(put_long(put_long(at, UINT32_MAX), UINT32_MAX), 0);
	for (int bit = 0; bit < offer->prefix; bit++)
		at[bit / 8] |= offer->address[bit / 8] & (0x80 >> bit % 8);
	at += 16;
	if (offer->server_count > 0) {
		at = put_bytes(at, (const uint8_t[]){NEIGHBOR_SERVERS, (uint8_t)(1 + 2 * offer->server_count), 0, 0}, 4);
		at = put_long(at, UINT32_MAX);
		at = put_bytes(at, offer->servers, (size_t)offer->server_count * 16);
	}
	const uint8_t *from = has_router ? offer->router : own_address;
	return wrap(answer, to_all, from, all_nodes, IPPROTO_ICMPV6, (size_t)(at - message), 2);
}

static size_t answer_datagram(const struct offer6 *offer, const uint8_t *packet, struct bytes datagram,
			      uint8_t answer[OFFER_SIZE])
{
	struct question question;
	if (datagram.size < DATAGRAM + MESSAGE || read_short(datagram.data + 2) != SERVER_PORT6)
		return 0;
	size_t length = read_short(datagram.data + 4);
	if (length < DATAGRAM + MESSAGE || length > datagram.size)
		return 0;
	int kind = 0;
	if (read_question((struct bytes){datagram.data + DATAGRAM, length - DATAGRAM}, &question))
		kind = decide(&question);
	if (kind == 0)
		return 0;
	memset(answer, 0, OFFER_SIZE);
	uint8_t *reply = answer + ETHERNET + INTERNET;
	size_t size = DATAGRAM + write_message(offer, &question, kind, reply + DATAGRAM);
	put_short(reply, SERVER_PORT6);
	put_short(reply + 2, CLIENT_PORT6);
	put_short(reply + 4, size);
	return wrap(answer, offer->mac, own_address, packet + 8, IPPROTO_UDP, size, 6);
}

/* Without extension headers, of which such questions have none. One without a link-local address asks again. */
size_t offer6_answer(const struct offer6 *offer, const uint8_t *frame, size_t size, uint8_t answer[OFFER_SIZE])
{
	if (size < ETHERNET + INTERNET || read_short(frame + 12) != ETHERTYPE_IPV6 || memcmp(frame + 6, offer->mac, 6) != 0)
		return 0;
	const uint8_t *packet = frame + ETHERNET;
	struct bytes payload = {packet + INTERNET, read_short(packet + 4)};
	if (packet[0] >> 4 != 6 || payload.size > size - ETHERNET - INTERNET)
		return 0;
	if (packet[6] == IPPROTO_ICMPV6 && packet[7] == 255 && payload.size >= 8 &&
	    payload.data[0] == ROUTER_SOLICITATION && payload.data[1] == 0)
		return offer6_advertise(offer, answer);
	bool is_link_local = packet[8] == 0xfe && (packet[9] & 0xc0) == 0x80;
	return packet[6] == IPPROTO_UDP && is_link_local ? answer_datagram(offer, packet, payload, answer) : 0;
}

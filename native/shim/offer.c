#include "offer.h"

#include <arpa/inet.h>
#include <net/ethernet.h>
#include <stdbool.h>
#include <string.h>

enum { ETHERNET = 14, INTERNET = 20, DATAGRAM = 8, HEADERS = ETHERNET + INTERNET + DATAGRAM, TTL = 64, PROTOCOL_UDP = 17 };

/* Our side of the conversation: locally administered, and on no other link. */
static const uint8_t own_mac[6] = {0x02, 0x64, 0x75, 0x65, 0x74, 0x67};
static const uint8_t cookie[4] = {99, 130, 83, 99};

struct request {
	const uint8_t *message; /* at least FIXED_SIZE bytes */
	int kind;
	uint32_t wanted; /* 0: not said */
	uint32_t server; /* 0: not said */
};

static unsigned read_short(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* The message in a frame: IPv4, not in pieces, to the server's port. NULL for anything else. */
static const uint8_t *message_of(const uint8_t *frame, size_t size, size_t *message_size)
{
	if (size < HEADERS || read_short(frame + 12) != ETHERTYPE_IP)
		return NULL;
	const uint8_t *packet = frame + ETHERNET;
	size_t header = (size_t)(packet[0] & 15) * 4, total = read_short(packet + 2);
	if (packet[0] >> 4 != 4 || header < INTERNET || total > size - ETHERNET || total < header + DATAGRAM ||
	    packet[9] != PROTOCOL_UDP || (read_short(packet + 6) & 0x3fff) != 0)
		return NULL;
	const uint8_t *datagram = packet + header;
	size_t length = read_short(datagram + 4);
	if (read_short(datagram + 2) != SERVER_PORT || length < DATAGRAM + FIXED_SIZE || length > total - header)
		return NULL;
	*message_size = length - DATAGRAM;
	return datagram + DATAGRAM;
}

static bool read_request(const struct offer *offer, const uint8_t *frame, size_t frame_size, struct request *request)
{
	size_t size;
	const uint8_t *message = message_of(frame, frame_size, &size);
	if (message == NULL || message[0] != 1 || message[1] != 1 || message[2] != 6 ||
	    memcmp(message + 28, offer->mac, 6) != 0 || memcmp(message + FIXED_SIZE - 4, cookie, 4) != 0)
		return false;
	*request = (struct request){.message = message};
	for (size_t at = FIXED_SIZE; at < size && message[at] != OPTION_END;) {
		if (message[at] == 0) {
			at++;
			continue;
		}
		if (at + 2 > size || at + 2 + message[at + 1] > size)
			return false;
		const uint8_t *data = message + at + 2;
		unsigned length = message[at + 1];
		if (message[at] == OPTION_KIND && length == 1)
			request->kind = data[0];
		else if (message[at] == OPTION_ADDRESS && length == 4)
			memcpy(&request->wanted, data, 4);
		else if (message[at] == OPTION_SERVER && length == 4)
			memcpy(&request->server, data, 4);
		at += 2 + (size_t)length;
	}
	return true;
}

static uint32_t server_of(const struct offer *offer)
{
	return offer->router != 0 ? offer->router : offer->server_count > 0 ? offer->servers[0] : offer->address;
}

/* The kind of the answer; 0: none. One who renews says its address in the fixed part, and no server. */
static int decide(const struct offer *offer, const struct request *request)
{
	uint32_t held;
	memcpy(&held, request->message + 12, 4);
	if (request->kind == DISCOVER)
		return OFFER;
	if (request->kind == INFORM)
		return ACK;
	if (request->kind != REQUEST || (request->server != 0 && request->server != server_of(offer)))
		return 0;
	return (request->wanted != 0 ? request->wanted : held) == offer->address ? ACK : NAK;
}

static uint8_t *put(uint8_t *at, uint8_t option, const void *data, size_t size)
{
	if (size == 0)
		return at;
	at[0] = option;
	at[1] = (uint8_t)size;
	memcpy(at + 2, data, size);
	return at + 2 + size;
}

static size_t write_message(const struct offer *offer, const struct request *request, int kind, uint8_t *message)
{
	uint8_t chosen = (uint8_t)kind;
	uint32_t server = server_of(offer), broadcast = offer->address | ~offer->mask, for_ever = UINT32_MAX;
	uint16_t mtu = htons((uint16_t)offer->mtu);
	bool grants = kind != NAK && request->kind != INFORM;
	message[0] = 2;
	message[1] = 1;
	message[2] = 6;
	memcpy(message + 4, request->message + 4, 4);
	memcpy(message + 10, request->message + 10, 2);
	if (kind == ACK)
		memcpy(message + 12, request->message + 12, 4);
	if (grants)
		memcpy(message + 16, &offer->address, 4);
	memcpy(message + 28, offer->mac, 6);
	memcpy(message + FIXED_SIZE - 4, cookie, 4);
	uint8_t *at = put(message + FIXED_SIZE, OPTION_KIND, &chosen, 1);
	at = put(at, OPTION_SERVER, &server, 4);
	if (grants)
		at = put(at, OPTION_SECONDS, &for_ever, 4);
	if (kind != NAK) {
		at = put(at, OPTION_MASK, &offer->mask, 4);
		at = put(at, OPTION_BROADCAST, &broadcast, 4);
		at = put(at, OPTION_ROUTER, &offer->router, offer->router == 0 ? 0 : 4);
		at = put(at, OPTION_SERVERS, offer->servers, (size_t)offer->server_count * 4);
		at = put(at, OPTION_HOSTNAME, offer->hostname, strlen(offer->hostname));
		at = put(at, OPTION_DOMAIN, offer->domain, strlen(offer->domain));
		at = put(at, OPTION_MTU, &mtu, offer->mtu == 0 ? 0 : 2);
	}
	*at++ = OPTION_END;
	size_t size = (size_t)(at - message);
	return size < SMALLEST_MESSAGE ? SMALLEST_MESSAGE : size;
}

static void write_short(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void write_checksum(uint8_t *header)
{
	uint32_t sum = 0;
	for (int at = 0; at < INTERNET; at += 2)
		sum += read_short(header + at);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	write_short(header + 10, ~sum & 0xffff);
}

size_t offer_answer(const struct offer *offer, const uint8_t *frame, size_t size, uint8_t answer[OFFER_SIZE])
{
	struct request request;
	int kind = read_request(offer, frame, size, &request) ? decide(offer, &request) : 0;
	if (kind == 0)
		return 0;
	memset(answer, 0, OFFER_SIZE);
	size_t message = write_message(offer, &request, kind, answer + HEADERS);
	/* One who has no address yet may ask for an answer to all; a refusal always is one (RFC 2131, 4.1). */
	bool to_all = kind == NAK || (request.message[10] & 0x80) != 0;
	uint32_t server = server_of(offer), target = to_all ? INADDR_BROADCAST : offer->address;
	memcpy(answer, to_all ? (const uint8_t *)"\xff\xff\xff\xff\xff\xff" : offer->mac, 6);
	memcpy(answer + 6, own_mac, 6);
	write_short(answer + 12, ETHERTYPE_IP);
	uint8_t *packet = answer + ETHERNET;
	packet[0] = 0x45;
	write_short(packet + 2, INTERNET + DATAGRAM + message);
	packet[8] = TTL;
	packet[9] = PROTOCOL_UDP;
	memcpy(packet + 12, &server, 4);
	memcpy(packet + 16, &target, 4);
	write_checksum(packet);
	/* A datagram's checksum of 0 says that there is none (RFC 768). */
	write_short(packet + INTERNET, SERVER_PORT);
	write_short(packet + INTERNET + 2, CLIENT_PORT);
	write_short(packet + INTERNET + 4, DATAGRAM + message);
	return HEADERS + message;
}

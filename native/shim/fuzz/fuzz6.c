/*
 * Feeds what tells machines of IPv6 with mutations of well-formed questions, each in memory of its own size:
 *     fuzz-offer6 ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dhcp6.h"
#include "offer6.h"
#include "random.h"

enum { MOST = 1500, HEADERS = 54, MESSAGE_AT = HEADERS + 8, UDP = 17, ICMP = 58 };

static const struct offer6 offer = {
	.mac = {2, 0, 0, 0, 0, 1},
	.address = {0xfd, 0, 0, 7, [15] = 2},
	.prefix = 61,
	.router = {0xfe, 0x80, [15] = 1},
	.leads_out = true,
	.servers = {{0xfd, 0, 0, 7, [15] = 1}, {0xfd, 1}, {0xfd, 2}},
	.server_count = 3,
	.mtu = 1500,
	.domain = "a.search.domain.example",
};

static const uint8_t client[] = {0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1};
static const uint8_t server[] = {0, 2, 0, 10, 0, 3, 0, 1, 2, 0x64, 0x75, 0x65, 0x74, 0x67};
static const uint8_t others[] = {0, 6, 0, 4, 0, 23, 0, 24, 0, 8, 0, 2, 0, 0};
static const uint8_t holding[] = {0, 3, 0, 40, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 24, 0xfd, 0, 0, 7, 0, 0, 0, 0,
				  0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0};

static size_t begin(uint8_t *frame, uint8_t protocol, size_t size)
{
	memset(frame, 0, MOST);
	memcpy(frame + 6, offer.mac, 6);
	memcpy(frame + 12, "\x86\xdd\x60", 3);
	frame[18] = (uint8_t)(size >> 8);
	frame[19] = (uint8_t)size;
	frame[20] = protocol;
	frame[21] = 255;
	memcpy(frame + 22, "\xfe\x80", 2);
	memcpy(frame + 38, "\xff\x02", 2);
	return HEADERS + size;
}

static size_t make_question(uint8_t *frame, uint8_t kind)
{
	if (kind == ROUTER_SOLICITATION) {
		size_t size = begin(frame, ICMP, 8);
		frame[HEADERS] = kind;
		return size;
	}
	uint8_t message[MOST] = {kind, 1, 2, 3};
	size_t at = 4;
	bool names_server = kind == REQUEST6 || kind == RENEW6 || kind == RELEASE6 || kind == DECLINE6;
	memcpy(message + at, client, sizeof client);
	at += sizeof client;
	memcpy(message + at, server, names_server ? sizeof server : 0);
	at += names_server ? sizeof server : 0;
	memcpy(message + at, others, sizeof others);
	at += sizeof others;
	memcpy(message + at, holding, sizeof holding);
	at += sizeof holding;
	size_t size = begin(frame, UDP, 8 + at);
	frame[HEADERS + 2] = SERVER_PORT6 >> 8;
	frame[HEADERS + 3] = SERVER_PORT6 & 255;
	frame[HEADERS + 5] = (uint8_t)(8 + at);
	memcpy(frame + MESSAGE_AT, message, at);
	return size;
}

/* A frame that a card would take: its lengths fit, and its sum with what stands in for the header is right. */
static void check(const uint8_t *frame, size_t size)
{
	size_t payload = (size_t)frame[18] << 8 | frame[19];
	uint32_t sum = (uint32_t)payload + frame[20];
	if (size < HEADERS + 8 || size > OFFER_SIZE || payload != size - HEADERS)
		abort();
	for (size_t at = 22; at < size; at++)
		sum += at % 2 == 0 ? (uint32_t)frame[at] << 8 : frame[at];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	if (sum != 0xffff)
		abort();
}

/* A copy on the heap, so that a byte too far is seen. */
static size_t answer(const uint8_t *frame, size_t size, uint8_t *out)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, frame, size);
	size_t got = offer6_answer(&offer, copy, size, out);
	free(copy);
	if (got > 0)
		check(out, got);
	return got;
}

static const uint8_t *find(const uint8_t *frame, size_t size, const void *bytes, size_t length)
{
	for (size_t at = 0; at + length <= size; at++)
		if (memcmp(frame + at, bytes, length) == 0)
			return frame + at;
	return NULL;
}

static const uint8_t kinds[][2] = {
	{SOLICIT6, ADVERTISE6}, {REQUEST6, REPLY6}, {CONFIRM6, REPLY6}, {RENEW6, REPLY6},
	{REBIND6, REPLY6},	{RELEASE6, REPLY6}, {DECLINE6, REPLY6}, {INFORM6, REPLY6},
};

/* Each well-formed question has its answer; whether all have. */
static bool all_are_answered(uint8_t *frame, uint8_t *out)
{
	static const uint8_t old[] = {0xfd, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0};
	size_t got = answer(frame, make_question(frame, ROUTER_SOLICITATION), out);
	if (got == 0 || out[HEADERS] != ROUTER_ADVERTISEMENT || memcmp(out + 22, offer.router, 16) != 0)
		return false;
	for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
		got = answer(frame, make_question(frame, kinds[kind][0]), out);
		if (got == 0 || out[MESSAGE_AT] != kinds[kind][1] || memcmp(out + MESSAGE_AT + 1, "\1\2\3", 3) != 0 ||
		    find(out, got, client, sizeof client) == NULL || find(out, got, server, sizeof server) == NULL)
			return false;
		bool gives = kinds[kind][0] <= REBIND6 && kinds[kind][0] != CONFIRM6;
		if (gives != (find(out, got, offer.address, 16) != NULL) || gives != (find(out, got, old, sizeof old) != NULL))
			return false;
	}
	/* Somebody else's card, and another server's client. */
	size_t size = make_question(frame, REQUEST6);
	frame[11] ^= 1;
	if (answer(frame, size, out) != 0)
		return false;
	make_question(frame, REQUEST6);
	frame[MESSAGE_AT + 4 + sizeof client + 8] ^= 1;
	return answer(frame, size, out) == 0;
}

int main(int count, char **arguments)
{
	static uint8_t frame[MOST];
	uint8_t *out = malloc(OFFER_SIZE);
	long rounds = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	if (out == NULL || rounds < 1 || !all_are_answered(frame, out))
		return 2;
	for (long round = 0; round < rounds; round++) {
		uint32_t kind = random_below(1 + sizeof kinds / sizeof *kinds);
		size_t enough = make_question(frame, kind == 0 ? ROUTER_SOLICITATION : kinds[kind - 1][0]);
		size_t size = random_below(8) == 0 ? random_below(MOST) : enough;
		for (uint32_t times = 1 + random_below(6); times > 0; times--) {
			uint32_t at = random_below(3) ? MESSAGE_AT + random_below(100) : random_below((uint32_t)enough);
			frame[at] = (uint8_t)random_below(random_below(2) ? 256 : 32);
		}
		answer(frame, size, out);
	}
	free(out);
	return 0;
}

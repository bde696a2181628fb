/*
 * Feeds what answers DHCP with mutations of a well-formed question, each in memory of its own size:
 *     fuzz-offer ROUNDS
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "offer.h"
#include "random.h"

enum { MOST = 1500, HEADERS = 42, ENOUGH = HEADERS + FIXED_SIZE + 60 };

static const struct offer offer = {
	.mac = {2, 0, 0, 0, 0, 1},
	.address = 0x0702a8c0,
	.mask = 0x00ffffff,
	.router = 0x0102a8c0,
	.servers = {0x0102a8c0, 0x08080808, 0x09090909},
	.server_count = 3,
	.mtu = 1500,
	.hostname = "sixty-three-characters-of-a-name-are-what-a-label-may-have-xxxxx",
	.domain = "a.search.domain.example",
};

static void make_seed(uint8_t *frame)
{
	static const uint8_t options[] = {99, 130, 83, 99, OPTION_KIND, 1, REQUEST, OPTION_ADDRESS, 4, 192, 168, 2, 7,
					  OPTION_SERVER, 4, 192, 168, 2, 1, OPTION_HOSTNAME, 2, 'm', 'e', OPTION_END};
	unsigned total = ENOUGH - 14;
	memset(frame, 0, MOST);
	memset(frame, 0xff, 6);
	memcpy(frame + 12, "\x08\x00\x45", 3);
	frame[16] = (uint8_t)(total >> 8);
	frame[17] = (uint8_t)total;
	frame[23] = 17;
	frame[37] = SERVER_PORT;
	frame[38] = (uint8_t)((total - 20) >> 8);
	frame[39] = (uint8_t)(total - 20);
	memcpy(frame + HEADERS, "\x01\x01\x06", 3);
	memcpy(frame + HEADERS + 28, offer.mac, 6);
	memcpy(frame + HEADERS + FIXED_SIZE - 4, options, sizeof options);
}

/* A copy on the heap, so that a byte too far is seen. */
static size_t answer(const uint8_t *frame, size_t size, uint8_t *out)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, frame, size);
	size_t got = offer_answer(&offer, copy, size, out);
	free(copy);
	if (got > OFFER_SIZE || (got > 0 && got < HEADERS + SMALLEST_MESSAGE))
		abort();
	return got;
}

int main(int count, char **arguments)
{
	static uint8_t seed[MOST], frame[MOST];
	uint8_t *out = malloc(OFFER_SIZE);
	make_seed(seed);
	long rounds = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	if (out == NULL || rounds < 1 || answer(seed, ENOUGH, out) == 0 || out[HEADERS + FIXED_SIZE + 2] != ACK ||
	    memcmp(out + HEADERS + 16, &offer.address, 4) != 0)
		return 2;
	for (long round = 0; round < rounds; round++) {
		size_t size = random_below(8) == 0 ? random_below(MOST) : ENOUGH;
		memcpy(frame, seed, sizeof frame);
		for (uint32_t times = 1 + random_below(6); times > 0; times--) {
			uint32_t at = random_below(3) ? random_below(ENOUGH) : HEADERS + FIXED_SIZE + random_below(40);
			frame[at] = (uint8_t)random_below(256);
		}
		answer(frame, size, out);
	}
	free(out);
	return 0;
}

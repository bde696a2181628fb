/*
 * Feeds the reader of DHCP answers with mutations of a well-formed one, each in memory of its own size:
 *     fuzz-lease ROUNDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lease.h"
#include "random.h"

enum { MOST = 1500 };

static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};

static size_t make_seed(uint8_t *packet)
{
	static const uint8_t options[] = {
		99, 130, 83, 99, OPTION_KIND, 1, ACK, OPTION_MASK, 4, 255, 255, 255, 0, OPTION_ROUTER, 4, 10, 0, 2, 2,
		OPTION_SERVERS, 16, 10, 0, 2, 3, 10, 0, 2, 4, 10, 0, 2, 5, 10, 0, 2, 6, OPTION_DOMAIN, 7, 'e', 'x', 'a',
		'm', 'p', 'l', 'e', OPTION_MTU, 2, 5, 220, 0, OPTION_SECONDS, 4, 0, 1, 81, 128, OPTION_SERVER, 4, 10, 0, 2,
		2, 255,
	};
	memset(packet, 0, FIXED_SIZE);
	packet[0] = 2;
	memcpy(packet + 4, "abcd", 4);
	packet[16] = 10;
	memcpy(packet + 28, mac, sizeof mac);
	memcpy(packet + FIXED_SIZE - 4, options, sizeof options);
	return FIXED_SIZE - 4 + sizeof options;
}

/* A copy on the heap, so that a byte too far is seen. */
static int parse(const uint8_t *packet, size_t size)
{
	struct lease lease = {0};
	uint32_t transaction;
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, packet, size);
	memcpy(&transaction, "abcd", 4);
	int kind = lease_parse(copy, size, transaction, mac, &lease);
	if (lease.server_count > MOST_SERVERS || strnlen(lease.domain, sizeof lease.domain) == sizeof lease.domain)
		abort();
	free(copy);
	return kind;
}

int main(int count, char **arguments)
{
	static uint8_t seed[MOST], packet[MOST];
	size_t seed_size = make_seed(seed);
	long rounds = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	if (rounds < 1 || parse(seed, seed_size) != ACK)
		return 2;
	for (long round = 0; round < rounds; round++) {
		size_t size = random_below(8) == 0 ? random_below(MOST) : seed_size;
		memcpy(packet, seed, sizeof packet);
		for (uint32_t times = 1 + random_below(6); times > 0; times--) {
			uint32_t at = random_below(2) ? random_below(MOST) : FIXED_SIZE + random_below(80);
			packet[at] = (uint8_t)random_below(256);
		}
		parse(packet, size);
	}
	return 0;
}

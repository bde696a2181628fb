/*
 * Feeds the reader of DHCP answers of IPv6 with mutations of a well-formed one, each in memory of its own size:
 *     fuzz-lease6 ROUNDS
 */
#include <stdlib.h>
#include <string.h>

#include "lease6.h"
#include "random.h"

enum { MOST = 300 };

static const uint8_t seed[] = {
	REPLY6, 1, 2, 3, 0, 2, 0, 4, 0, 3, 0, 9, 0, 1, 0, 10, 0, 3, 0, 1, 2, 0, 0, 0, 0, 1, 0, 3, 0, 40, 0, 0, 0, 1, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 5, 0, 24, 0xfd, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 60, 0, 0, 0, 90, 0, 13, 0, 2, 0, 0,
};
static const uint8_t client[] = {0, 3, 0, 1, 2, 0, 0, 0, 0, 1};

/* A copy on the heap, so that a byte too far is seen. */
static int parse(const uint8_t *packet, size_t size, struct lease6 *lease)
{
	static const uint8_t transaction[3] = {1, 2, 3};
	uint8_t *copy = malloc(size == 0 ? 1 : size);
	if (copy == NULL)
		abort();
	memcpy(copy, packet, size);
	int kind = lease6_parse(copy, size, transaction, client, sizeof client, lease);
	if (lease->server_size > sizeof lease->server || (kind != 0 && lease->server_size == 0))
		abort();
	free(copy);
	return kind;
}

int main(int count, char **arguments)
{
	static uint8_t packet[MOST];
	struct lease6 lease;
	long rounds = count == 2 ? strtol(arguments[1], NULL, 10) : 0;
	if (rounds < 1 || parse(seed, sizeof seed, &lease) != REPLY6 || lease.seconds != 90 || lease.address[15] != 9 ||
	    lease.server_size != 4)
		return 2;
	for (long round = 0; round < rounds; round++) {
		size_t size = random_below(8) == 0 ? random_below(MOST) : sizeof seed;
		memset(packet, 0, sizeof packet);
		memcpy(packet, seed, sizeof seed);
		for (uint32_t times = 1 + random_below(6); times > 0; times--)
			packet[random_below(sizeof seed)] = (uint8_t)random_below(random_below(2) ? 256 : 32);
		parse(packet, size, &lease);
	}
	return 0;
}

/* What a machine that boots a disk of its own is told by DHCP (RFC 2131). It may send anything. */
#ifndef DUET_OFFER_H
#define DUET_OFFER_H

#include <stddef.h>
#include <stdint.h>

#include "dhcp.h"

/* An Ethernet frame with any of our answers fits. */
enum { OFFER_SIZE = 640 };

struct offer {
	uint8_t mac[6]; /* of the card that may ask */
	uint32_t address; /* network byte order, as all addresses here */
	uint32_t mask;
	uint32_t router; /* 0: none */
	uint32_t servers[MOST_SERVERS];
	int server_count;
	uint32_t mtu; /* 0: not told */
	char hostname[64];
	char domain[128];
};

/* Writes the answer to an Ethernet frame as such a frame; its size, 0 where there is none. Reads only `size` bytes. */
size_t offer_answer(const struct offer *offer, const uint8_t *frame, size_t size, uint8_t answer[OFFER_SIZE]);

#endif

/*
 * What a machine that boots a disk of its own is told of IPv6: by router advertisements (RFC 4861) where the way
 * out is and that DHCP has more, by DHCP (RFC 8415) its address. It may send anything.
 */
#ifndef DUET_OFFER6_H
#define DUET_OFFER6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dhcp.h"
#include "offer.h"

struct offer6 {
	uint8_t mac[6]; /* of the card that may ask */
	uint8_t address[16];
	int prefix;
	uint8_t router[16]; /* link-local: whose advertisements ours are; all 0: nobody's of the network */
	bool leads_out; /* whether that is the way out */
	uint8_t servers[MOST_SERVERS][16];
	int server_count;
	uint32_t mtu; /* 0: not told */
	char domain[128];
};

/* Writes the answer to an Ethernet frame as such a frame; its size, 0 where there is none. Reads only `size` bytes. */
size_t offer6_answer(const struct offer6 *offer, const uint8_t *frame, size_t size, uint8_t answer[OFFER_SIZE]);

/* Writes an advertisement that nobody asked for, as a frame; its size. */
size_t offer6_advertise(const struct offer6 *offer, uint8_t answer[OFFER_SIZE]);

#endif

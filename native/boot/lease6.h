/* What a DHCP server of IPv6 answers (RFC 8415). Anyone on the network may have written it. */
#ifndef DUET_LEASE6_H
#define DUET_LEASE6_H

#include <stddef.h>
#include <stdint.h>

#include "dhcp6.h"

struct lease6 {
	uint8_t address[16]; /* all 0: none was given */
	uint32_t seconds; /* UINT32_MAX: for ever */
	uint8_t server[LONGEST_DUID];
	size_t server_size;
};

/*
 * The kind of an answer to this transaction (its 24 bits in three bytes) of this client; 0 for what is none, and for
 * one that names no server. Reads only `size` bytes.
 */
int lease6_parse(const uint8_t *packet, size_t size, const uint8_t transaction[3], const uint8_t *client,
		 size_t client_size, struct lease6 *lease);

#endif

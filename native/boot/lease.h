/* What a DHCP server's answer says (RFC 2131, RFC 2132). Anyone on the network may have written it. */
#ifndef DUET_LEASE_H
#define DUET_LEASE_H

#include <stddef.h>
#include <stdint.h>

#include "dhcp.h"

struct lease {
	uint32_t address; /* network byte order, as all addresses here */
	uint32_t mask;
	uint32_t router;
	uint32_t server;
	uint32_t servers[MOST_SERVERS];
	int server_count;
	uint32_t seconds;
	uint32_t mtu;
	char domain[256];
};

/* The kind of an answer to this transaction of this card; 0 for what is none. Reads only `size` bytes. */
int lease_parse(const uint8_t *packet, size_t size, uint32_t transaction, const uint8_t mac[6], struct lease *lease);

#endif

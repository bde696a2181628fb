#include "lease.h"

#include <string.h>

static void take_option(struct lease *lease, uint8_t option, const uint8_t *data, size_t size)
{
	if (option == OPTION_MASK && size == 4)
		memcpy(&lease->mask, data, 4);
	else if (option == OPTION_ROUTER && size >= 4)
		memcpy(&lease->router, data, 4);
	else if (option == OPTION_SERVER && size == 4)
		memcpy(&lease->server, data, 4);
	else if (option == OPTION_SECONDS && size == 4)
		lease->seconds = (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
	else if (option == OPTION_MTU && size == 2)
		lease->mtu = (uint32_t)(data[0] << 8 | data[1]);
	else if (option == OPTION_SERVERS)
		for (; size >= 4 && lease->server_count < MOST_SERVERS; data += 4, size -= 4)
			memcpy(&lease->servers[lease->server_count++], data, 4);
	else if (option == OPTION_DOMAIN && size > 0 && size < sizeof lease->domain) {
		memcpy(lease->domain, data, size);
		lease->domain[size] = 0;
		/* It becomes a line of resolv.conf: letters, digits, dots and hyphens or nothing. */
		if (strspn(lease->domain, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") != strlen(lease->domain))
			lease->domain[0] = 0;
	}
}

int lease_parse(const uint8_t *packet, size_t size, uint32_t transaction, const uint8_t mac[6], struct lease *lease)
{
	int kind = 0;
	if (size < FIXED_SIZE || packet[0] != 2 || memcmp(packet + 4, &transaction, 4) != 0 ||
	    memcmp(packet + 28, mac, 6) != 0)
		return 0;
	*lease = (struct lease){0};
	memcpy(&lease->address, packet + 16, 4);
	for (size_t at = FIXED_SIZE; at < size && packet[at] != 255;) {
		if (packet[at] == 0) {
			at++;
			continue;
		}
		if (at + 2 > size || at + 2 + packet[at + 1] > size)
			break;
		if (packet[at] == OPTION_KIND && packet[at + 1] == 1)
			kind = packet[at + 2];
		else
			take_option(lease, packet[at], packet + at + 2, packet[at + 1]);
		at += 2 + (size_t)packet[at + 1];
	}
	return kind;
}

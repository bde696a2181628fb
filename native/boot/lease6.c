#include "lease6.h"

#include <stdbool.h>
#include <string.h>

enum { MESSAGE = 4, HOLDING = 12, ADDRESS = 24, VALID_AT = 20 };

struct bytes {
	const uint8_t *data;
	size_t size;
};

/* The next option of `rest`; false at the end, or where what follows is none. */
static bool next_option(struct bytes *rest, unsigned *option, struct bytes *value)
{
	if (rest->size < 4)
		return false;
	size_t size = (size_t)rest->data[2] << 8 | rest->data[3];
	if (size > rest->size - 4)
		return false;
	*option = (unsigned)rest->data[0] << 8 | rest->data[1];
	*value = (struct bytes){rest->data + 4, size};
	*rest = (struct bytes){value->data + size, rest->size - 4 - size};
	return true;
}

/* The first address that is still good. */
static void take_holding(struct lease6 *lease, struct bytes value)
{
	unsigned option;
	struct bytes inner, rest = {value.data + HOLDING, value.size - HOLDING};
	while (lease->seconds == 0 && next_option(&rest, &option, &inner)) {
		if (option != OPTION6_ADDRESS || inner.size < ADDRESS)
			continue;
		const uint8_t *valid = inner.data + VALID_AT;
		lease->seconds = (uint32_t)valid[0] << 24 | (uint32_t)valid[1] << 16 | (uint32_t)valid[2] << 8 | valid[3];
		if (lease->seconds != 0)
			memcpy(lease->address, inner.data, sizeof lease->address);
	}
}

int lease6_parse(const uint8_t *packet, size_t size, const uint8_t transaction[3], const uint8_t *client,
		 size_t client_size, struct lease6 *lease)
{
	unsigned option;
	bool is_ours = false;
	*lease = (struct lease6){0};
	if (size < MESSAGE || memcmp(packet + 1, transaction, 3) != 0)
		return 0;
	struct bytes value, rest = {packet + MESSAGE, size - MESSAGE};
	while (next_option(&rest, &option, &value)) {
		if (option == OPTION6_CLIENT)
			is_ours = value.size == client_size && memcmp(value.data, client, client_size) == 0;
		else if (option == OPTION6_SERVER && value.size >= 1 && value.size <= LONGEST_DUID) {
			memcpy(lease->server, value.data, value.size);
			lease->server_size = value.size;
		} else if (option == OPTION6_HOLDING && value.size >= HOLDING)
			take_holding(lease, value);
	}
	return is_ours && lease->server_size > 0 ? packet[0] : 0;
}

#include <stdlib.h>
#include <string.h>

#include "agent.h"

struct span kept_setup;
struct span kept_create;

int keep(struct span *slot, struct span fields)
{
	uint8_t *copy = malloc(fields.size + 1);
	if (copy == NULL)
		return -1;
	if (fields.size > 0)
		memcpy(copy, fields.data, fields.size);
	free((void *)slot->data);
	*slot = (struct span){copy, fields.size};
	return 0;
}

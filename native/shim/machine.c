/* Isolation by a virtual machine. */
#include "shim.h"

static void configure(struct channel *channel, struct span fields)
{
	(void)fields;
	shim.backend = NULL;
	refuse(channel, "unsupported", "NOT_YET", "virtual machines are not supported yet");
}

const struct backend machine_backend = {
	.configure = configure,
};

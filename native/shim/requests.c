#include "requests.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shim.h"

static const char *const state_names[] = {"new", "open", "created", "running", "exited"};

static void write_status(struct writer *writer)
{
	write_number(writer, TAG_VERSION, PROTOCOL_VERSION);
	write_text(writer, TAG_STATE, state_names[shim.state]);
}

static void request_hello(struct channel *channel, struct span fields)
{
	if (field_number(fields, TAG_VERSION, 0) != PROTOCOL_VERSION) {
		refuse(channel, "unsupported", "PROTOCOL_VERSION", "this shim speaks another version of the protocol");
		return;
	}
	struct writer writer = {0};
	write_status(&writer);
	write_number(&writer, TAG_PID, (uint64_t)getpid());
	channel_ok_fields(channel, &writer);
}

static void request_status(struct channel *channel)
{
	struct writer writer = {0};
	write_status(&writer);
	write_number(&writer, TAG_PID, shim.backend == NULL ? 0 : (uint64_t)shim.backend->pid());
	if (shim.backend != NULL)
		write_text(&writer, TAG_ISOLATION, shim.backend->isolation);
	if (shim.state == STATE_EXITED)
		record_fields(&writer, &shim.record);
	channel_ok_fields(channel, &writer);
}

static const struct backend *find_backend(const char *isolation)
{
	static const struct backend *const all[] = {&container_backend, &machine_backend, &appliance_backend};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (strcmp(all[i]->isolation, isolation) == 0)
			return all[i];
	return NULL;
}

static void request_configure(struct channel *channel, struct span fields)
{
	char *isolation = field_text(fields, TAG_ISOLATION);
	const struct backend *backend = isolation == NULL ? shim.backend : find_backend(isolation);
	free(isolation);
	if (backend == NULL || (shim.backend != NULL && backend != shim.backend)) {
		refuse(channel, "invalid", "ISOLATION_INVALID", "no such isolation, or not the one it has");
		return;
	}
	shim.backend = backend;
	backend->configure(channel, fields);
}

static void request_backend(struct channel *channel, uint16_t type, struct span fields)
{
	const struct backend *backend = shim.backend;
	switch (type) {
	case MESSAGE_NETWORK:
		backend->network(channel, fields);
		return;
	case MESSAGE_CREATE:
		backend->create(channel, fields);
		return;
	case MESSAGE_START:
		backend->start(channel, fields);
		return;
	case MESSAGE_ATTACH:
		backend->attach(channel, fields);
		return;
	case MESSAGE_EXEC:
		backend->exec(channel, fields);
		return;
	case MESSAGE_SIGNAL:
		backend->signal(channel, fields);
		return;
	case MESSAGE_RESIZE:
		backend->resize(channel, fields);
		return;
	case MESSAGE_MOUNT:
		backend->mount(channel, fields);
		return;
	default:
		backend->agent(channel, type, fields);
		return;
	}
}

void request_dispatch(struct channel *channel, uint16_t type, struct span fields)
{
	struct span target;
	switch (type) {
	case MESSAGE_HELLO:
		if (shim.backend != NULL && field_find(fields, TAG_TARGET, &target))
			break;
		request_hello(channel, fields);
		return;
	case MESSAGE_STATUS:
		request_status(channel);
		return;
	case MESSAGE_CONFIGURE:
		request_configure(channel, fields);
		return;
	case MESSAGE_WAIT:
		request_wait(channel);
		return;
	case MESSAGE_SHUTDOWN:
		request_shutdown(channel);
		return;
	default:
		break;
	}
	if (shim.backend == NULL)
		refuse(channel, "conflict", "NOT_CONFIGURED", "CONFIGURE has to come first");
	else
		request_backend(channel, type, fields);
}

void request_client_left(void)
{
	if (client_count() > 0)
		return;
	if (shim.backend == NULL)
		shim_leave();
	else if (shim.exit_path == NULL)
		shim.backend->shutdown();
}

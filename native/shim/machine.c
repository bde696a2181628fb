/* Isolation by a virtual machine: QEMU is the shim's child, the agent in the guest makes the processes. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "forward.h"
#include "handover.h"
#include "jail.h"
#include "memory.h"
#include "mounts.h"
#include "remote.h"
#include "shim.h"
#include "spawn.h"
#include "words.h"

enum { CONNECT_MILLISECONDS = 5 };

static struct {
	struct child qemu;
	pid_t pid;
	char *agent_socket;
	char *memory_cgroup;
	int words; /* what QEMU printed */
	struct timer connecting;
	struct channel *creating;
	bool shutting_down;
	bool kept; /* who reads the root of an ended process ends QEMU by SHUTDOWN */
	char why[256]; /* why the agent's link ended */
} machine = {.words = -1};

static void kill_qemu(void)
{
	if (machine.qemu.pid != 0)
		kill(machine.qemu.pid, SIGKILL);
}

static void answer_creating(const struct failure *failure)
{
	struct channel *channel = machine.creating;
	machine.creating = NULL;
	if (channel == NULL)
		return;
	if (failure == NULL)
		channel_ok(channel);
	else
		channel_fail(channel, failure);
}

/* Passes the agent's refusal of CREATE on; another CREATE may follow. */
static void create_failed(struct span fields)
{
	agent_main = 0;
	if (machine.creating == NULL)
		return;
	channel_send(machine.creating, MESSAGE_ERROR, fields.data, fields.size);
	channel_close(machine.creating);
	machine.creating = NULL;
}

static void main_frame(const struct frame *frame)
{
	if (shim.state != STATE_OPEN) {
		remote_frame(frame);
	} else if (frame->type == MESSAGE_ERROR) {
		create_failed(frame->payload);
	} else if (frame->type == MESSAGE_OK) {
		shim.state = STATE_CREATED;
		answer_creating(NULL);
	}
}

static void agent_lost(const char *why)
{
	struct failure failure;
	snprintf(machine.why, sizeof machine.why, "%s", why);
	fail_as(&failure, "unavailable", "AGENT_LOST", 0, "%s", why);
	answer_creating(&failure);
	kill_qemu();
}

static const struct agent_user agent_user = {.main_frame = main_frame, .lost = agent_lost};

/* The process has ended, its root is flushed and its output delivered: the VM has served its purpose. */
static void main_done(const struct exit_record *record)
{
	shim_exited(record);
	if (!machine.kept)
		kill_qemu();
}

static void qemu_ended(struct child *child, int status)
{
	(void)child;
	char words[256];
	struct exit_record record = {.code = 137, .exited_at = wall_milliseconds()};
	timer_stop(&machine.connecting);
	agent_close("the virtual machine has ended");
	words_last(machine.words, words, sizeof words);
	record.out_of_memory = memory_had_oom_kill(machine.memory_cgroup);
	snprintf(record.error, sizeof record.error,
		 "the virtual machine ended unexpectedly (QEMU exit code %d)%s%.120s%s%.200s", exit_code(status),
		 machine.why[0] == 0 ? "" : ": ", machine.why, words[0] == 0 ? "" : ": ", words);
	remote_lost(&record);
	if (machine.shutting_down)
		shim_leave();
}

static int connect_agent(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	strncpy(address.sun_path, machine.agent_socket, sizeof address.sun_path - 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	return agent_open(fd);
}

/* QEMU says nothing when its socket is there, so it is tried until it answers or QEMU ends. */
static void try_agent(struct timer *timer)
{
	(void)timer;
	if (machine.qemu.pid != 0 && !agent_is_open() && connect_agent() < 0)
		timer_start(&machine.connecting, CONNECT_MILLISECONDS, try_agent);
}

/* One end of a pair for QEMU; ours is used at once. */
static int open_agent_pair(struct jail *jail, struct span fields, struct failure *failure)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(failure, "AGENT_FAILED", errno, "cannot make the agent's socket");
	fcntl(ends[0], F_SETFL, O_RDWR | O_NONBLOCK);
	if (jail_descriptor(jail, ends[1], (int)field_number(fields, TAG_AGENT_FD, 0), failure) < 0) {
		close(ends[0]);
		return -1;
	}
	return agent_open(ends[0]) < 0 ? fail(failure, "AGENT_FAILED", errno, "cannot watch the agent's socket") : 0;
}

static int spawn_qemu(struct jail *jail, char **program, char **environment, struct failure *failure)
{
	int words = words_open(&machine.words);
	if (words < 0)
		return fail(failure, "SPAWN_FAILED", errno, "cannot make a pipe");
	struct spawn request = {
		.argv = program,
		.input = -1,
		.output = words,
		.errors = words,
		.environment = environment == NULL || environment[0] == NULL ? NULL : environment,
		.prepare = jail_enter,
		.context = jail,
	};
	pid_t pid = spawn(&request, failure);
	close(words);
	if (pid < 0)
		return -1;
	machine.pid = pid;
	child_watch(&machine.qemu, pid, qemu_ended);
	return 0;
}

static int open_machine(struct span fields, struct failure *failure)
{
	struct jail jail = {0};
	struct span value;
	char **program = field_texts(fields, TAG_PROGRAM, NULL);
	char **environment = field_texts(fields, TAG_ENVIRONMENT, NULL);
	machine.agent_socket = field_text(fields, TAG_AGENT_SOCKET);
	bool by_descriptor = field_find(fields, TAG_AGENT_FD, &value);
	int result = -1;
	agent_greet(&agent_user);
	if (program == NULL || program[0] == NULL || (machine.agent_socket == NULL && !by_descriptor))
		fail_as(failure, "invalid", "CONFIGURE_INVALID", 0, "program and agent socket have to be given");
	else if (jail_read(&jail, fields, failure) == 0 && handover(&jail, fields, failure) == 0 &&
		 (!by_descriptor || open_agent_pair(&jail, fields, failure) == 0))
		result = spawn_qemu(&jail, program, environment, failure);
	jail_free(&jail);
	texts_free(program);
	texts_free(environment);
	if (result == 0)
		try_agent(NULL);
	return result;
}

static void configure(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (shim_configure(fields, &failure) < 0 || forward_configure(fields, &failure) < 0) {
		channel_fail(channel, &failure);
		return;
	}
	machine.kept = field_number(fields, TAG_KEPT, 0) == 1;
	char *memory_cgroup = field_text(fields, TAG_MEMORY_CGROUP);
	if (memory_cgroup != NULL) {
		free(machine.memory_cgroup);
		machine.memory_cgroup = memory_cgroup;
	}
	if (shim.state == STATE_NEW) {
		remote_init(main_done);
		if (open_machine(fields, &failure) < 0) {
			channel_fail(channel, &failure);
			return;
		}
		shim.state = STATE_OPEN;
	} else if (shim.state != STATE_OPEN || machine.qemu.pid == 0) {
		refuse(channel, "conflict", "CONFIGURED", "the virtual machine has a workload already, or has ended");
		return;
	}
	struct writer writer = {0};
	write_number(&writer, TAG_PID, (uint64_t)machine.pid);
	channel_ok_fields(channel, &writer);
}

static void creating_gone(struct channel *channel)
{
	machine.creating = NULL;
	channel_close(channel);
}

static void create(struct channel *channel, struct span fields)
{
	if (shim.state != STATE_OPEN || agent_main != 0 || machine.qemu.pid == 0) {
		refuse(channel, "conflict", "CREATED", "the workload is created already, or its virtual machine has ended");
		return;
	}
	machine.creating = channel;
	channel->gone = creating_gone;
	agent_main = agent_number();
	agent_send(MESSAGE_CREATE, agent_main, fields.data, fields.size);
	remote_begin(agent_main, fields);
}

static void started(void)
{
	if (shim.state == STATE_CREATED)
		shim.state = STATE_RUNNING;
}

static void start(struct channel *channel, struct span fields)
{
	if (shim.state != STATE_CREATED) {
		refuse(channel, "conflict", "STARTED", "the workload is started already, or not created");
		return;
	}
	struct relay *relay = agent_relay(channel, MESSAGE_START, fields, false);
	if (relay != NULL)
		relay->ok = started;
}

static void attach(struct channel *channel, struct span fields)
{
	channel_send(channel, MESSAGE_OK, NULL, 0);
	if (!hub_attach(&remote_hub, channel, field_number(fields, TAG_STDIN, 0) != 0))
		refuse(channel, "exhausted", "NO_MEMORY", "no memory for another client");
}

static void exec(struct channel *channel, struct span fields)
{
	if (shim.state != STATE_RUNNING)
		refuse(channel, "conflict", "NOT_RUNNING", "the workload is not running");
	else
		agent_relay(channel, MESSAGE_EXEC, fields, true);
}

/* SIGNAL and RESIZE: the client's channel of an exec becomes the agent's. */
static void relay_targeted(struct channel *channel, uint16_t type, struct span fields)
{
	struct span value;
	if (!field_find(fields, TAG_TARGET, &value)) {
		agent_relay(channel, type, fields, false);
		return;
	}
	uint32_t number = agent_number_of(channel_find(channel->client, (uint32_t)span_number(value, 0)));
	if (number == 0) {
		refuse(channel, "not-found", "NO_SUCH_PROCESS", "there is no such process any more");
		return;
	}
	struct writer writer = {0};
	struct field field;
	while (field_next(&fields, &field)) {
		if (field.tag == TAG_TARGET)
			write_number(&writer, TAG_TARGET, number);
		else
			write_bytes(&writer, field.tag, field.value.data, field.value.size);
	}
	agent_relay(channel, type, (struct span){writer.data, writer.size}, false);
	writer_free(&writer);
}

static void send_signal(struct channel *channel, struct span fields)
{
	relay_targeted(channel, MESSAGE_SIGNAL, fields);
}

static void resize(struct channel *channel, struct span fields)
{
	relay_targeted(channel, MESSAGE_RESIZE, fields);
}

static void network(struct channel *channel, struct span fields)
{
	agent_relay(channel, MESSAGE_NETWORK, fields, false);
}

static void share(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (machine.qemu.pid == 0)
		refuse(channel, "conflict", "NOT_RUNNING", "the virtual machine has ended");
	else if (mounts_send(fields, machine.qemu.pid, &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

static void relay_any(struct channel *channel, uint16_t type, struct span fields)
{
	agent_relay(channel, type, fields, type == MESSAGE_ROOTFS || type == MESSAGE_PROCESSES);
}

static void shutdown_machine(void)
{
	machine.shutting_down = true;
	if (machine.qemu.pid == 0)
		shim_leave();
	else
		kill_qemu();
}

static int qemu_pid(void)
{
	return machine.pid;
}

const struct backend machine_backend = {
	.isolation = "vm",
	.configure = configure,
	.network = network,
	.create = create,
	.start = start,
	.attach = attach,
	.exec = exec,
	.signal = send_signal,
	.resize = resize,
	.mount = share,
	.agent = relay_any,
	.shutdown = shutdown_machine,
	.pid = qemu_pid,
};

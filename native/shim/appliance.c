/*
 * Isolation by a virtual machine that boots a disk of its own: QEMU is the main process, the machine's serial port
 * its standard streams. Nothing of ours is in the guest, so what an agent would do is refused.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "handover.h"
#include "jail.h"
#include "launch.h"
#include "memory.h"
#include "mounts.h"
#include "offers.h"
#include "shim.h"
#include "words.h"

static struct {
	struct process main;
	struct exit_record record;
	char *memory_cgroup;
	int words; /* what QEMU printed */
	bool shutting_down;
} appliance = {.words = -1};

/* Read at once: the cgroup may be gone when the last output is. */
static void main_ended(struct process *process)
{
	struct exit_record *record = &appliance.record;
	char words[256];
	words_last(appliance.words, words, sizeof words);
	record->code = process->exit_code;
	record->exited_at = process->exited_at;
	record->out_of_memory = memory_had_oom_kill(appliance.memory_cgroup);
	/* By its own power switch, or killed: nothing to explain. */
	if (process->exit_code != 0 && process->exit_code != 128 + SIGKILL)
		snprintf(record->error, sizeof record->error, "QEMU ended with exit code %d%s%s", process->exit_code,
			 words[0] == 0 ? "" : ": ", words);
}

static void main_done(struct process *process)
{
	hub_end(&process->hub);
	shim_exited(&appliance.record);
	process_dispose(process);
	if (appliance.shutting_down)
		shim_leave();
}

static int start_qemu(struct jail *jail, char **program, struct failure *failure)
{
	struct process *process = &appliance.main;
	int theirs[3] = {-1, -1, -1};
	int words = words_open(&appliance.words);
	int number = words < 0 ? errno : process_open_pipes(process, theirs);
	if (number != 0)
		fail(failure, "SPAWN_FAILED", number, "cannot make the machine's streams");
	/* What it prints itself is not what its guest prints. */
	struct spawn request = {
		.argv = program,
		.input = theirs[0],
		.output = theirs[1],
		.errors = words,
		.prepare = jail_enter,
		.context = jail,
	};
	process->pid = number != 0 ? -1 : spawn(&request, failure);
	for (int i = 0; i < 3; i++)
		if (theirs[i] >= 0)
			close(theirs[i]);
	if (words >= 0)
		close(words);
	if (process->pid < 0) {
		process->pid = 0;
		process_dispose(process);
		return -1;
	}
	process_made(process);
	return 0;
}

static int open_machine(struct span fields, struct failure *failure)
{
	struct jail jail = {0};
	struct process *process = &appliance.main;
	char **program = field_texts(fields, TAG_PROGRAM, NULL);
	int result = -1;
	process_init(process);
	process->ended = main_ended;
	process->done = main_done;
	process->open_stdin = field_number(fields, TAG_STDIN, 0) != 0;
	process->hub.terminal = field_number(fields, TAG_TERMINAL, 0) != 0;
	process->hub.stdin_once = field_number(fields, TAG_STDIN_ONCE, 0) != 0;
	process->hub.log = shim.log;
	if (program == NULL || program[0] == NULL)
		fail_as(failure, "invalid", "CONFIGURE_INVALID", 0, "the program has to be given");
	else if (jail_read(&jail, fields, failure) == 0 && handover(&jail, fields, failure) == 0)
		result = start_qemu(&jail, program, failure);
	jail_free(&jail);
	texts_free(program);
	return result;
}

static void configure(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (shim.state != STATE_NEW) {
		refuse(channel, "conflict", "CONFIGURED", "the machine is configured already");
		return;
	}
	appliance.memory_cgroup = field_text(fields, TAG_MEMORY_CGROUP);
	if (shim_configure(fields, &failure) < 0 || open_machine(fields, &failure) < 0) {
		channel_fail(channel, &failure);
		return;
	}
	shim.state = STATE_OPEN;
	struct writer writer = {0};
	write_number(&writer, TAG_PID, (uint64_t)appliance.main.pid);
	channel_ok_fields(channel, &writer);
}

/* QEMU waits before the machine's first instruction until the daemon, which has its monitor, lets it go on. */
static void advance(struct channel *channel, enum state from, enum state to)
{
	if (shim.state != from) {
		refuse(channel, "conflict", "STATE_INVALID", "the machine is in another state, or has ended");
		return;
	}
	shim.state = to;
	if (to == STATE_RUNNING)
		process_flow(&appliance.main);
	channel_ok(channel);
}

static void create(struct channel *channel, struct span fields)
{
	advance(channel, STATE_OPEN, STATE_CREATED);
}

static void start(struct channel *channel, struct span fields)
{
	advance(channel, STATE_CREATED, STATE_RUNNING);
}

static void network(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (offers_serve(fields, &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

static void attach(struct channel *channel, struct span fields)
{
	channel_send(channel, MESSAGE_OK, NULL, 0);
	if (!hub_attach(&appliance.main.hub, channel, field_number(fields, TAG_STDIN, 0) != 0))
		refuse(channel, "exhausted", "NO_MEMORY", "no memory for another client");
}

/* The power button is the monitor's. */
static void send_signal(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (field_number(fields, TAG_SIGNAL, 0) != SIGKILL)
		refuse(channel, "unsupported", "NO_AGENT", "a machine that boots its own disk can only be killed");
	else if (process_signal(&appliance.main, SIGKILL, &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

/* A serial port has no size. */
static void resize(struct channel *channel, struct span fields)
{
	channel_ok(channel);
}

static void no_agent(struct channel *channel, struct span fields)
{
	refuse(channel, "unsupported", "NO_AGENT", "a machine that boots its own disk has no agent of Duet's in it");
}

static void for_agent(struct channel *channel, uint16_t type, struct span fields)
{
	no_agent(channel, fields);
}

static void shutdown_machine(void)
{
	appliance.shutting_down = true;
	process_kill(&appliance.main);
	if (!process_alive(&appliance.main))
		shim_leave();
}

static int qemu_pid(void)
{
	return appliance.main.pid;
}

const struct backend appliance_backend = {
	.isolation = "disk",
	.configure = configure,
	.network = network,
	.create = create,
	.start = start,
	.attach = attach,
	.exec = no_agent,
	.signal = send_signal,
	.resize = resize,
	.mount = no_agent,
	.agent = for_agent,
	.shutdown = shutdown_machine,
	.pid = qemu_pid,
};

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "agent.h"

static const char *const state_names[] = {"new", "open", "created", "running", "exited"};

static void wrong_state(uint32_t channel, const char *request)
{
	struct failure failure;
	fail_as(&failure, "conflict", "WRONG_STATE", 0, "%s is not allowed in state %s", request,
		state_names[agent.state]);
	answer_failure(channel, &failure);
}

static void say_status(uint32_t channel)
{
	struct writer writer = {0};
	struct utsname names;
	write_number(&writer, TAG_VERSION, PROTOCOL_VERSION);
	write_number(&writer, TAG_PID, agent.main == NULL ? 0 : (uint64_t)agent.main->pid);
	write_text(&writer, TAG_STATE, state_names[agent.state]);
	if (uname(&names) == 0)
		write_text(&writer, TAG_KERNEL_RELEASE, names.release);
	listing_status(&writer);
	answer(MESSAGE_OK, channel, &writer);
}

static void on_setup(struct span fields, uint32_t channel)
{
	struct failure failure;
	if (agent.state != STATE_NEW) {
		wrong_state(channel, "SETUP");
		return;
	}
	fail(&failure, "NO_MEMORY", ENOMEM, "cannot keep the setup");
	if (keep(&kept_setup, fields) < 0 || setup_apply(fields, &failure) < 0) {
		setup_undo();
		answer_failure(channel, &failure);
		return;
	}
	agent.state = STATE_OPEN;
	agent.rehearsal = field_number(fields, TAG_REHEARSAL, 0) == 1;
	if (agent.rehearsal)
		process_launch_main(fields, channel);
	else
		answer_ok(channel);
}

static void on_network(struct span fields, uint32_t channel)
{
	struct failure failure;
	if (!agent.guest || setup_network(fields, &failure) == 0)
		answer_ok(channel);
	else
		answer_failure(channel, &failure);
}

static void on_update(struct span fields, uint32_t channel)
{
	struct failure failure;
	struct span value;
	bool limits = field_find(fields, TAG_PIDS_LIMIT, &value) || field_find(fields, TAG_MEMORY_LIMIT, &value);
	if ((!limits || setup_limit(fields, &failure) == 0) && lines_change(fields, &failure) == 0)
		answer_ok(channel);
	else
		answer_failure(channel, &failure);
}

/* The process that SIGNAL or RESIZE names; answers where there is none. */
static struct process *target_of(struct span fields, uint32_t channel)
{
	uint64_t number = field_number(fields, TAG_TARGET, 0);
	struct process *process = number == 0 ? agent.main : process_find((uint32_t)number);
	if (process != NULL && !process->exited && process->pid > 0)
		return process;
	struct failure failure;
	fail_as(&failure, "not-found", "NOT_RUNNING", 0, "no such process runs");
	answer_failure(channel, &failure);
	return NULL;
}

static void on_signal(struct span fields, uint32_t channel)
{
	struct failure failure;
	uint64_t number = field_number(fields, TAG_SIGNAL, 0);
	struct process *process = target_of(fields, channel);
	if (process == NULL)
		return;
	if (number < 1 || number > 64) {
		fail_as(&failure, "invalid", "SIGNAL_INVALID", 0, "no signal has this number");
		answer_failure(channel, &failure);
	} else if (kill(process->pid, (int)number) < 0) {
		fail(&failure, "SIGNAL_FAILED", errno, "cannot signal the process");
		answer_failure(channel, &failure);
	} else {
		answer_ok(channel);
	}
}

static void on_resize(struct span fields, uint32_t channel)
{
	struct process *process = target_of(fields, channel);
	if (process == NULL)
		return;
	struct winsize size = {
		.ws_row = (unsigned short)field_number(fields, TAG_ROWS, 0),
		.ws_col = (unsigned short)field_number(fields, TAG_COLUMNS, 0),
	};
	if (process->terminal && process->output[0].fd >= 0)
		ioctl(process->output[0].fd, TIOCSWINSZ, &size);
	answer_ok(channel);
}

/* Where nothing runs any more, all of it goes on. */
static void on_freeze(struct span fields, uint32_t channel)
{
	if (agent.state == STATE_RUNNING)
		process_launch_freeze(fields, channel);
	else if (field_number(fields, TAG_FROZEN, 0) == 0)
		answer_ok(channel);
	else
		wrong_state(channel, "FREEZE");
}

/* Frames of an open channel: 0 taken, -1 the peer broke the rules, 1 not such a frame. */
static int on_stream(const struct frame *frame)
{
	struct process *process = process_find(frame->channel);
	switch (frame->type) {
	case MESSAGE_STDIN:
		return process == NULL ? 0 : stream_input(process, frame->payload);
	case MESSAGE_CLOSE_STDIN:
		if (process != NULL)
			stream_input_end(process);
		return 0;
	case MESSAGE_CREDIT:
		if (process == NULL)
			return 0;
		if (credit_gained(&process->sender, frame->payload) < 0)
			return -1;
		stream_update(process);
		return 0;
	case MESSAGE_DETACH:
		if (process != NULL && process->pid > 0 &&
		    (process->kind == PROCESS_ROOTFS || process->kind == PROCESS_LISTING))
			kill(process->pid, SIGKILL);
		return 0;
	default:
		return 1;
	}
}

/* Requests of the main process's life, each allowed in one state. True when it was one of them. */
static bool on_life(const struct frame *frame)
{
	uint32_t channel = frame->channel;
	switch (frame->type) {
	case MESSAGE_SETUP:
		on_setup(frame->payload, channel);
		return true;
	case MESSAGE_CREATE:
		if (agent.state == STATE_OPEN && !agent.rehearsal)
			process_launch_main(frame->payload, channel);
		else
			wrong_state(channel, "CREATE");
		return true;
	case MESSAGE_START:
		if (agent.state == STATE_CREATED && !agent.rehearsal && agent.main != NULL)
			process_start_main(channel);
		else
			wrong_state(channel, "START");
		return true;
	case MESSAGE_EXEC:
		if (agent.state == STATE_RUNNING)
			process_launch_exec(frame->payload, channel);
		else
			wrong_state(channel, "EXEC");
		return true;
	case MESSAGE_ROOTFS:
		if (agent.state != STATE_NEW)
			process_launch_service(PROCESS_ROOTFS, channel);
		else
			wrong_state(channel, "ROOTFS");
		return true;
	default:
		return false;
	}
}

static void on_shutdown(uint32_t channel)
{
	if (agent.guest) {
		sync();
		reboot(RB_POWER_OFF);
	}
	answer_ok(channel);
}

static void on_request(const struct frame *frame)
{
	uint32_t channel = frame->channel;
	struct failure failure;
	switch (frame->type) {
	case MESSAGE_HELLO:
	case MESSAGE_STATUS:
		say_status(channel);
		return;
	case MESSAGE_NETWORK:
		on_network(frame->payload, channel);
		return;
	case MESSAGE_SIGNAL:
		on_signal(frame->payload, channel);
		return;
	case MESSAGE_RESIZE:
		on_resize(frame->payload, channel);
		return;
	case MESSAGE_UPDATE:
		on_update(frame->payload, channel);
		return;
	case MESSAGE_SYNC:
		process_launch_sync(channel);
		return;
	case MESSAGE_FREEZE:
		on_freeze(frame->payload, channel);
		return;
	case MESSAGE_PROCESSES:
		process_launch_service(PROCESS_LISTING, channel);
		return;
	case MESSAGE_SHUTDOWN:
		on_shutdown(channel);
		return;
	default:
		if (on_life(frame))
			return;
		fail_as(&failure, "unsupported", "UNKNOWN_REQUEST", 0, "the agent has no request %u", frame->type);
		answer_failure(channel, &failure);
	}
}

int request_handle(void *context, const struct frame *frame)
{
	if ((frame->channel & (uint32_t)FORWARD_CHANNELS) != 0) {
		int result = forward_frame(frame);
		errno = EPROTO;
		port_flush();
		return result;
	}
	int stream = on_stream(frame);
	if (stream == -1)
		errno = EPROTO;
	if (stream != 1)
		return stream;
	if (frame->channel == 0 || frame->type >= MESSAGE_OK || !fields_valid(frame->payload) ||
	    process_find(frame->channel) != NULL) {
		errno = EPROTO;
		return -1;
	}
	on_request(frame);
	port_flush();
	return 0;
}

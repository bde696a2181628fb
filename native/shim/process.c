#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "launch.h"

/* Once a process has ended, others that hold its outputs open get this long to say something. */
enum { DRAIN_MILLISECONDS = 2000 };

/* pipe(7): the most that /proc/sys/fs/pipe-max-size lets a pipe hold unless an administrator says more. */
enum { LARGEST_PIPE = 1 << 20 };

static void check_done(struct process *process)
{
	bool closed = process->outputs[0].fd < 0 && process->outputs[1].fd < 0;
	if (!process->exited || !closed || process->finished)
		return;
	process->finished = true;
	timer_stop(&process->drain);
	process->done(process);
}

/*
 * What a slow client held back may have waited here since the process ended: it goes out beyond the client's
 * credit, as much as a pipe holds and not for ever, since others may go on writing.
 */
static void take_rest(struct process *process, int stream)
{
	uint8_t buffer[32768];
	for (size_t taken = 0; taken < LARGEST_PIPE && process->outputs[stream].fd >= 0;) {
		ssize_t got = read(process->outputs[stream].fd, buffer, sizeof buffer);
		if (got <= 0)
			return;
		taken += (size_t)got;
		hub_output(&process->hub, stream == 0 ? JSONLOG_STDOUT : JSONLOG_STDERR, buffer, (size_t)got);
	}
}

static void drain_over(struct timer *timer)
{
	struct process *process = owner_of(timer, struct process, drain);
	take_rest(process, 0);
	take_rest(process, 1);
	source_close(&process->outputs[0]);
	source_close(&process->outputs[1]);
	check_done(process);
}

static void read_output(struct process *process, int stream)
{
	struct source *source = &process->outputs[stream];
	size_t room = hub_room(&process->hub);
	if (room == 0) {
		source_change(source, 0);
		return;
	}
	uint8_t buffer[32768];
	ssize_t got = read(source->fd, buffer, room < sizeof buffer ? room : sizeof buffer);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		if (process->exited)
			timer_start(&process->drain, DRAIN_MILLISECONDS, drain_over);
		hub_output(&process->hub, stream, buffer, (size_t)got);
		return;
	}
	/* End of file, or EIO: nobody has the terminal's other side any more. */
	source_close(source);
	check_done(process);
}

static void stdout_ready(struct source *source, uint32_t events)
{
	(void)events;
	read_output(owner_of(source, struct process, outputs[0]), JSONLOG_STDOUT);
}

static void stderr_ready(struct source *source, uint32_t events)
{
	(void)events;
	read_output(owner_of(source, struct process, outputs[1]), JSONLOG_STDERR);
}

static void hub_has_room(struct hub *hub)
{
	struct process *process = owner_of(hub, struct process, hub);
	if (!process->flowing || hub_room(hub) == 0)
		return;
	source_change(&process->outputs[0], EPOLLIN);
	source_change(&process->outputs[1], EPOLLIN);
}

static void write_input(struct process *process)
{
	struct span data;
	while (hub_input(&process->hub, &data)) {
		ssize_t written = write(process->input.fd, data.data, data.size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN) {
			source_change(&process->input, EPOLLOUT);
			return;
		}
		if (written < 0) {
			source_close(&process->input);
			hub_input_close(&process->hub);
			return;
		}
		hub_input_taken(&process->hub, (size_t)written);
	}
	source_change(&process->input, 0);
	if (process->hub.input_end) {
		source_close(&process->input);
		hub_input_close(&process->hub);
	}
}

static void input_ready(struct source *source, uint32_t events)
{
	(void)events;
	write_input(owner_of(source, struct process, input));
}

static void hub_has_input(struct hub *hub)
{
	struct process *process = owner_of(hub, struct process, hub);
	if (process->input.fd >= 0)
		write_input(process);
	else if (process->flowing)
		hub_input_close(hub);
}

static void process_ended(struct child *child, int status)
{
	struct process *process = owner_of(child, struct process, child);
	process->exited = true;
	process->exit_code = exit_code(status);
	process->exited_at = wall_milliseconds();
	source_close(&process->input);
	hub_input_close(&process->hub);
	timer_start(&process->drain, DRAIN_MILLISECONDS, drain_over);
	process->ended(process);
	process_flow(process);
	check_done(process);
}

/* Before the image's program runs, nothing but the runtime's own warnings can be in the pipes. */
static void discard_warnings(struct process *process)
{
	char buffer[4096];
	for (int stream = 0; stream < 2; stream++) {
		while (process->outputs[stream].fd >= 0 && read(process->outputs[stream].fd, buffer, sizeof buffer) > 0)
			;
	}
}

int process_open_pipes(struct process *process, int theirs[3])
{
	int ends[2];
	for (int stream = 0; stream < 2; stream++) {
		if (pipe2(ends, O_CLOEXEC) < 0)
			return errno;
		theirs[stream + 1] = ends[1];
		fcntl(ends[0], F_SETFL, O_NONBLOCK);
		source_add(&process->outputs[stream], ends[0], 0, stream == 0 ? stdout_ready : stderr_ready);
	}
	if (!process->open_stdin)
		return 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	theirs[0] = ends[0];
	fcntl(ends[1], F_SETFL, O_WRONLY | O_NONBLOCK);
	return source_add(&process->input, ends[1], 0, input_ready) < 0 ? errno : 0;
}

void process_take_terminal(struct process *process, int master)
{
	fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
	int copy = fcntl(master, F_DUPFD_CLOEXEC, 3);
	source_add(&process->outputs[0], master, 0, stdout_ready);
	if (copy >= 0)
		source_add(&process->input, copy, 0, input_ready);
}

void process_made(struct process *process)
{
	child_watch(&process->child, process->pid, process_ended);
}

void process_init(struct process *process)
{
	process->runtime_errors = process->console_socket = -1;
	process->hub.room = hub_has_room;
	process->hub.input = hub_has_input;
	process->outputs[0].fd = process->outputs[1].fd = process->input.fd = process->report.fd = -1;
}

void process_flow(struct process *process)
{
	/* A terminal holds the echo of what a client typed before; warnings do not go there. */
	if (!process->flowing && !process->exited && !process->hub.terminal)
		discard_warnings(process);
	process->flowing = true;
	hub_has_room(&process->hub);
	hub_has_input(&process->hub);
}

int process_resize(struct process *process, unsigned rows, unsigned columns, struct failure *failure)
{
	struct winsize size = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns};
	process->rows = rows;
	process->columns = columns;
	if (!process->hub.terminal || process->outputs[0].fd < 0)
		return 0; /* remembered for a terminal to come; Docker ignores it where there is none */
	if (ioctl(process->outputs[0].fd, TIOCSWINSZ, &size) < 0)
		return fail(failure, "RESIZE_FAILED", errno, "cannot resize the terminal");
	return 0;
}

int process_signal(struct process *process, int number, struct failure *failure)
{
	if (process->pid == 0 || process->exited)
		return fail_as(failure, "conflict", "NOT_RUNNING", 0, "the process is not running");
	/* The shim is its reaper, so the number cannot belong to another process yet. */
	if (kill(process->pid, number) < 0)
		return fail_as(failure, errno == EINVAL ? "invalid" : "internal", "SIGNAL_FAILED", errno,
			       "cannot send signal %d", number);
	return 0;
}

bool process_alive(const struct process *process)
{
	return process->runtime.pid != 0 || process->child.pid != 0;
}

void process_kill(struct process *process)
{
	if (process->runtime.pid != 0)
		kill(process->runtime.pid, SIGKILL);
	if (process->child.pid != 0)
		kill(process->child.pid, SIGKILL);
}

void process_dispose(struct process *process)
{
	launch_close(process);
	timer_stop(&process->drain);
	source_close(&process->outputs[0]);
	source_close(&process->outputs[1]);
	source_close(&process->input);
	hub_input_close(&process->hub);
	free(process->pid_path);
	free(process->console_path);
	process->pid_path = process->console_path = NULL;
}

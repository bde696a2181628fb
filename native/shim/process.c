#include "process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "console.h"

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
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	process->exited = true;
	process->exit_code = exit_code(status);
	process->exited_at = (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
	source_close(&process->input);
	hub_input_close(&process->hub);
	timer_start(&process->drain, DRAIN_MILLISECONDS, drain_over);
	process->ended(process);
	process_flow(process);
	check_done(process);
}

/* What the runtime printed to say why; the end of it where it is long. */
static void runtime_words(struct process *process, char *out, size_t size)
{
	int fd = process->runtime_errors >= 0 ? process->runtime_errors : process->outputs[1].fd;
	ssize_t got = fd < 0 ? 0 : read(fd, out, size - 1);
	out[got < 0 ? 0 : got] = 0;
}

static int read_pid(const char *path, pid_t *pid)
{
	char text[32];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	ssize_t got = read(fd, text, sizeof text - 1);
	close(fd);
	unlink(path);
	text[got < 0 ? 0 : got] = 0;
	*pid = (pid_t)strtol(text, NULL, 10);
	return *pid > 1 ? 0 : EINVAL;
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

static int adopt(struct process *process, struct failure *failure)
{
	int number = read_pid(process->pid_path, &process->pid);
	if (number != 0)
		return fail(failure, "RUNTIME_FAILED", number, "cannot read the process id that the runtime wrote");
	if (process->console_socket >= 0) {
		int master = console_receive(process->console_socket, failure);
		if (master < 0)
			return -1;
		fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
		int copy = fcntl(master, F_DUPFD_CLOEXEC, 3);
		source_add(&process->outputs[0], master, 0, stdout_ready);
		if (copy >= 0)
			source_add(&process->input, copy, 0, input_ready);
		if (process->rows > 0 && process->columns > 0)
			process_resize(process, process->rows, process->columns, failure);
	}
	return 0;
}

static void close_helpers(struct process *process)
{
	if (process->runtime_errors >= 0)
		close(process->runtime_errors);
	process->runtime_errors = -1;
	if (process->console_socket >= 0) {
		close(process->console_socket);
		unlink(process->console_path);
	}
	process->console_socket = -1;
}

static void runtime_ended(struct child *child, int status)
{
	struct process *process = owner_of(child, struct process, runtime);
	struct failure failure = {0};
	int result = -1;
	if (status == 0) {
		result = adopt(process, &failure);
	} else {
		char words[900];
		runtime_words(process, words, sizeof words);
		fail(&failure, "RUNTIME_FAILED", 0, "%s", words[0] == 0 ? "the runtime said nothing" : words);
	}
	close_helpers(process);
	if (result == 0)
		child_watch(&process->child, process->pid, process_ended);
	expect_orphans_end();
	process->made(process, result == 0 ? NULL : &failure);
}

/* Descriptors for the runtime's 0, 1 and 2; ours go into the sources. */
static int open_pipes(struct process *process, int theirs[3])
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

static int open_console(struct process *process, int theirs[3])
{
	int ends[2];
	process->console_socket = console_listen(process->console_path);
	if (process->console_socket < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	process->runtime_errors = ends[0];
	theirs[2] = ends[1];
	return 0;
}

void process_init(struct process *process)
{
	process->runtime_errors = process->console_socket = -1;
	process->hub.room = hub_has_room;
	process->hub.input = hub_has_input;
	process->outputs[0].fd = process->outputs[1].fd = process->input.fd = -1;
}

int process_launch(struct process *process, struct spawn *request, char *pid_path, char *console_path,
		   struct failure *failure)
{
	process->pid_path = pid_path;
	process->console_path = console_path;
	int theirs[3] = {-1, -1, -1};
	int number = process->hub.terminal ? open_console(process, theirs) : open_pipes(process, theirs);
	pid_t pid = -1;
	if (number != 0) {
		fail(failure, "SPAWN_FAILED", number, "cannot make the process's streams");
	} else {
		request->input = theirs[0];
		request->output = theirs[1];
		request->errors = theirs[2];
		pid = spawn(request, failure);
	}
	for (int i = 0; i < 3; i++) {
		if (theirs[i] >= 0)
			close(theirs[i]);
	}
	if (pid < 0) {
		close_helpers(process);
		return -1;
	}
	expect_orphans();
	child_watch(&process->runtime, pid, runtime_ended);
	return 0;
}

void process_flow(struct process *process)
{
	if (!process->flowing && !process->exited)
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

/* proc(5), "/proc/pid/task/tid/children": complete only while the parent stands still, which a stuck one does. */
static void kill_children(pid_t parent)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/task", (int)parent);
	DIR *tasks = opendir(path);
	for (struct dirent *task; tasks != NULL && (task = readdir(tasks)) != NULL;) {
		char children[128];
		int pid;
		snprintf(children, sizeof children, "/proc/%d/task/%.20s/children", (int)parent, task->d_name);
		FILE *file = fopen(children, "re");
		while (file != NULL && fscanf(file, "%d", &pid) == 1)
			kill(pid, SIGKILL);
		if (file != NULL)
			fclose(file);
	}
	if (tasks != NULL)
		closedir(tasks);
}

void process_give_up(struct process *process)
{
	if (process->runtime.pid == 0)
		return;
	kill_children(process->runtime.pid);
	kill(process->runtime.pid, SIGKILL);
}

void process_dispose(struct process *process)
{
	close_helpers(process);
	timer_stop(&process->drain);
	source_close(&process->outputs[0]);
	source_close(&process->outputs[1]);
	source_close(&process->input);
	hub_input_close(&process->hub);
	free(process->pid_path);
	free(process->console_path);
	process->pid_path = process->console_path = NULL;
}

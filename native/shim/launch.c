/* How a process of a container comes to be: made by the OCI runtime, or by a fork of ours. */
#include "launch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "console.h"

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

static int adopt(struct process *process, struct failure *failure)
{
	int number = read_pid(process->pid_path, &process->pid);
	if (number != 0)
		return fail(failure, "RUNTIME_FAILED", number, "cannot read the process id that the runtime wrote");
	if (process->console_socket >= 0) {
		int master = console_receive(process->console_socket, failure);
		if (master < 0)
			return -1;
		process_take_terminal(process, master);
		if (process->rows > 0 && process->columns > 0)
			process_resize(process, process->rows, process->columns, failure);
	}
	return 0;
}

void launch_close(struct process *process)
{
	if (process->runtime_errors >= 0)
		close(process->runtime_errors);
	process->runtime_errors = -1;
	if (process->console_socket >= 0) {
		close(process->console_socket);
		unlink(process->console_path);
	}
	process->console_socket = -1;
	source_close(&process->report);
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
	launch_close(process);
	if (result == 0)
		process_made(process);
	expect_orphans_end();
	process->made(process, result == 0 ? NULL : &failure);
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

static void close_all(const int descriptors[3])
{
	for (int i = 0; i < 3; i++) {
		if (descriptors[i] >= 0)
			close(descriptors[i]);
	}
}

int process_launch(struct process *process, struct spawn *request, char *pid_path, char *console_path,
		   struct failure *failure)
{
	process->pid_path = pid_path;
	process->console_path = console_path;
	int theirs[3] = {-1, -1, -1};
	int number = process->hub.terminal ? open_console(process, theirs) : process_open_pipes(process, theirs);
	pid_t pid = -1;
	if (number != 0) {
		fail(failure, "SPAWN_FAILED", number, "cannot make the process's streams");
	} else {
		request->input = theirs[0];
		request->output = theirs[1];
		request->errors = theirs[2];
		pid = spawn(request, failure);
	}
	close_all(theirs);
	if (pid < 0) {
		launch_close(process);
		return -1;
	}
	expect_orphans();
	child_watch(&process->runtime, pid, runtime_ended);
	return 0;
}

/* Once the fork has said all and its maker is gone: what it made runs, or has told why not. */
static void settle_fork(struct process *process)
{
	struct failure failure = {0};
	if (process->report.fd >= 0 || process->runtime.pid != 0)
		return;
	if (process->entry.kind == REPORT_FAILED)
		report_failure(&process->entry, &failure);
	else if (process->abandoned || process->pid == 0)
		fail(&failure, "ENTER_FAILED", 0, "the process ended before its program ran");
	if (failure.code == NULL)
		process_made(process);
	expect_orphans_end();
	process->made(process, failure.code == NULL ? NULL : &failure);
}

static void report_ready_to_read(struct source *source, uint32_t events)
{
	struct process *process = owner_of(source, struct process, report);
	struct report report;
	int terminal, got;
	(void)events;
	while ((got = report_receive(source->fd, &report, &terminal)) > 0) {
		if (terminal >= 0 && process->hub.terminal && process->outputs[0].fd < 0)
			process_take_terminal(process, terminal);
		else if (terminal >= 0)
			close(terminal);
		if (report.kind == REPORT_PID)
			process->pid = report.number;
		else if (report.kind == REPORT_FAILED)
			process->entry = report;
	}
	if (got < 0)
		return;
	source_close(source);
	settle_fork(process);
}

static void maker_ended(struct child *child, int status)
{
	(void)status;
	settle_fork(owner_of(child, struct process, runtime));
}

static pid_t fork_reporting(void (*run)(const void *, int, const int[3]), const void *context, const int theirs[3],
			    int *report)
{
	int ends[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		run(context, ends[1], theirs);
		_exit(127);
	}
	int number = errno;
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	errno = number;
	*report = ends[0];
	return pid;
}

int process_fork(struct process *process, void (*run)(const void *context, int report, const int streams[3]),
		 const void *context, struct failure *failure)
{
	int theirs[3] = {-1, -1, -1}, report = -1;
	int number = process->hub.terminal ? 0 : process_open_pipes(process, theirs);
	pid_t pid = number != 0 ? -1 : fork_reporting(run, context, theirs, &report);
	if (pid < 0)
		fail(failure, "SPAWN_FAILED", number != 0 ? number : errno, "cannot make the process");
	close_all(theirs);
	if (pid < 0)
		return -1;
	expect_orphans();
	child_watch(&process->runtime, pid, maker_ended);
	source_add(&process->report, report, EPOLLIN, report_ready_to_read);
	return 0;
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
	process->abandoned = true;
	if (process->report.fd >= 0 && process->pid != 0)
		kill(process->pid, SIGKILL);
	if (process->runtime.pid == 0)
		return;
	kill_children(process->runtime.pid);
	kill(process->runtime.pid, SIGKILL);
}

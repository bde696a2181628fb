/* Isolation by namespaces: the OCI runtime makes the processes, the shim owns them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mounts.h"
#include "netsetup.h"
#include "process.h"
#include "shim.h"
#include "spawn.h"

struct exec {
	struct process process;
	char *process_file;
	struct exec *next;
};

static struct {
	char **runtime; /* argv up to the verb */
	char *bundle;
	char *id;
	char *start_fifo; /* NULL: run the runtime's `start` */
	char *memory_cgroup;
	struct process main;
	struct exec *execs;
	unsigned exec_count;
	struct channel *creating;
	struct channel *starting;
	struct source fifo;
	struct child starter;
	bool shutting_down;
} container = {.fifo.fd = -1};

static void pending_gone(struct channel *channel)
{
	struct channel **pending = channel->owner;
	*pending = NULL;
	channel_close(channel);
}

/* Keeps a channel until its answer; `place` is NULL again if the client vanishes. */
static void keep_pending(struct channel **place, struct channel *channel)
{
	*place = channel;
	channel->owner = place;
	channel->gone = pending_gone;
}

static void answer(struct channel **place, const struct failure *failure)
{
	struct channel *channel = *place;
	*place = NULL;
	if (channel == NULL)
		return;
	if (failure == NULL)
		channel_ok(channel);
	else
		channel_fail(channel, failure);
}

static int make_namespaces(struct span fields, struct failure *failure)
{
	char *kind = field_text(fields, TAG_NETWORK_KIND);
	bool own = kind != NULL && (strcmp(kind, "own") == 0 || strcmp(kind, "none") == 0);
	free(kind);
	if (field_number(fields, TAG_HOST_MOUNTS, 0) == 0 && mounts_unshare(failure) < 0)
		return -1;
	if (own && unshare(CLONE_NEWNET) < 0)
		return fail(failure, "NAMESPACE_FAILED", errno, "cannot make a network namespace");
	if (own && netsetup_loopback(failure) < 0)
		return -1;
	return mounts_make(fields, "", failure);
}

static void configure(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (shim.state != STATE_NEW) {
		refuse(channel, "conflict", "CONFIGURED", "the container is configured already");
		return;
	}
	container.runtime = field_texts(fields, TAG_RUNTIME, NULL);
	container.bundle = field_text(fields, TAG_BUNDLE);
	container.id = field_text(fields, TAG_ID);
	container.start_fifo = field_text(fields, TAG_START_FIFO);
	container.memory_cgroup = field_text(fields, TAG_MEMORY_CGROUP);
	if (container.runtime == NULL || container.runtime[0] == NULL || container.bundle == NULL || container.id == NULL) {
		refuse(channel, "invalid", "CONFIGURE_INVALID", "runtime, bundle and id have to be given");
		return;
	}
	process_init(&container.main);
	if (shim_configure(fields, &failure) < 0 || make_namespaces(fields, &failure) < 0) {
		channel_fail(channel, &failure);
		return;
	}
	container.main.hub.log = shim.log;
	shim.state = STATE_OPEN;
	channel_ok(channel);
}

static void network(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (netsetup_apply(fields, &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

/* The oom_kill counter of the memory cgroup, v1 or v2. */
static bool had_out_of_memory(void)
{
	static const char *const files[] = {"memory.events", "memory.oom_control"};
	bool found = false;
	for (int i = 0; i < 2 && container.memory_cgroup != NULL && !found; i++) {
		char path[4096], text[512];
		snprintf(path, sizeof path, "%s/%s", container.memory_cgroup, files[i]);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ssize_t got = read(fd, text, sizeof text - 1);
		close(fd);
		text[got < 0 ? 0 : got] = 0;
		const char *line = strstr(text, "\noom_kill ");
		found = line != NULL && strtoul(line + 10, NULL, 10) > 0;
	}
	return found;
}

static bool alive(const struct process *process)
{
	return process->runtime.pid != 0 || process->child.pid != 0;
}

static void leave_when_empty(void)
{
	if (!container.shutting_down || alive(&container.main) || container.starter.pid != 0)
		return;
	for (struct exec *exec = container.execs; exec != NULL; exec = exec->next) {
		if (alive(&exec->process))
			return;
	}
	shim_leave();
}

static void kill_process(struct process *process)
{
	if (process->runtime.pid != 0)
		kill(process->runtime.pid, SIGKILL);
	if (process->child.pid != 0)
		kill(process->child.pid, SIGKILL);
}

static void shutdown(void)
{
	container.shutting_down = true;
	kill_process(&container.main);
	if (container.starter.pid != 0)
		kill(container.starter.pid, SIGKILL);
	for (struct exec *exec = container.execs; exec != NULL; exec = exec->next)
		kill_process(&exec->process);
	leave_when_empty();
}

static struct exit_record main_record;

/* Read at once: the cgroup may be gone when the last output is. */
static void main_ended(struct process *process)
{
	main_record.code = process->exit_code;
	main_record.exited_at = process->exited_at;
	main_record.out_of_memory = had_out_of_memory();
}

static void main_done(struct process *process)
{
	hub_end(&process->hub);
	shim_exited(&main_record);
	answer(&container.starting, NULL);
	process_dispose(process);
	leave_when_empty();
}

static void main_made(struct process *process, const struct failure *failure)
{
	(void)process;
	if (failure == NULL)
		shim.state = STATE_CREATED;
	answer(&container.creating, failure);
	if (container.shutting_down)
		shutdown();
}

static char *run_path(const char *name, const char *suffix)
{
	char *path;
	return asprintf(&path, "%s/%s.%s", shim.run_directory, name, suffix) < 0 ? NULL : path;
}

/* Runs `runtime VERB ... ID`, for the main process or an exec. */
static int launch(struct process *process, const char *name, char *const *verb, const char *id,
		  struct failure *failure)
{
	char *words[64];
	size_t count = 0;
	char *pid_path = run_path(name, "pid");
	char *console_path = run_path(name, "tty");
	if (pid_path == NULL || console_path == NULL) {
		free(pid_path);
		free(console_path);
		return fail(failure, "RUNTIME_FAILED", ENOMEM, "cannot start the runtime");
	}
	for (char **at = container.runtime; *at != NULL && count < 40; at++)
		words[count++] = *at;
	for (char *const *at = verb; *at != NULL; at++)
		words[count++] = *at;
	words[count++] = "--pid-file";
	words[count++] = pid_path;
	if (process->hub.terminal) {
		words[count++] = "--console-socket";
		words[count++] = console_path;
	}
	words[count++] = (char *)id;
	words[count] = NULL;
	return process_launch(process, words, pid_path, console_path, failure);
}

static void read_streams(struct process *process, struct span fields)
{
	process->hub.terminal = field_number(fields, TAG_TERMINAL, 0) != 0;
	process->hub.stdin_once = field_number(fields, TAG_STDIN_ONCE, 0) != 0;
	process->open_stdin = field_number(fields, TAG_STDIN, 0) != 0;
	process->rows = (unsigned)field_number(fields, TAG_ROWS, 0);
	process->columns = (unsigned)field_number(fields, TAG_COLUMNS, 0);
}

static void create(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	struct process *process = &container.main;
	if (shim.state != STATE_OPEN || process->runtime.pid != 0) {
		refuse(channel, "conflict", "CREATED", "the container is created already, or not configured");
		return;
	}
	read_streams(process, fields);
	process->made = main_made;
	process->ended = main_ended;
	process->done = main_done;
	char *verb[] = {"create", "--bundle", container.bundle, NULL};
	if (launch(process, "main", verb, container.id, &failure) < 0) {
		channel_fail(channel, &failure);
		return;
	}
	keep_pending(&container.creating, channel);
}

static void started(void)
{
	source_close(&container.fifo);
	if (container.start_fifo != NULL)
		unlink(container.start_fifo);
	if (shim.state == STATE_CREATED)
		shim.state = STATE_RUNNING;
	answer(&container.starting, NULL);
}

static void fifo_ready(struct source *source, uint32_t events)
{
	char byte[8];
	(void)events;
	if (read(source->fd, byte, sizeof byte) < 0 && errno == EAGAIN)
		return;
	started();
}

static void starter_ended(struct child *child, int status)
{
	(void)child;
	struct failure failure;
	if (status == 0) {
		started();
	} else {
		fail(&failure, "RUNTIME_FAILED", 0, "the runtime could not start the process");
		answer(&container.starting, &failure);
	}
	leave_when_empty();
}

static int run_starter(struct failure *failure)
{
	char *words[48];
	size_t count = 0;
	for (char **at = container.runtime; *at != NULL && count < 40; at++)
		words[count++] = *at;
	words[count++] = "start";
	words[count++] = container.id;
	words[count] = NULL;
	struct spawn request = {.argv = words, .input = -1, .output = -1, .errors = -1};
	pid_t pid = spawn(&request, failure);
	if (pid < 0)
		return -1;
	child_watch(&container.starter, pid, starter_ended);
	return 0;
}

/*
 * runc's init waits in opening this FIFO for writing; who opens it for reading lets it run. That is all
 * that `runc start` does for a container without hooks, and it saves a program's start.
 */
static int open_fifo(struct failure *failure)
{
	int fd = open(container.start_fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || source_add(&container.fifo, fd, EPOLLIN, fifo_ready) < 0)
		return fail(failure, "RUNTIME_FAILED", errno, "cannot start the process");
	return 0;
}

static void start(struct channel *channel, struct span fields)
{
	(void)fields;
	struct failure failure = {0};
	if (shim.state != STATE_CREATED || container.starting != NULL) {
		refuse(channel, "conflict", "STARTED", "the container is started already, or not created");
		return;
	}
	process_flow(&container.main);
	int result = container.start_fifo != NULL ? open_fifo(&failure) : run_starter(&failure);
	if (result < 0)
		channel_fail(channel, &failure);
	else
		keep_pending(&container.starting, channel);
}

static void attach(struct channel *channel, struct span fields)
{
	channel_send(channel, MESSAGE_OK, NULL, 0);
	if (!hub_attach(&container.main.hub, channel, field_number(fields, TAG_STDIN, 0) != 0))
		refuse(channel, "exhausted", "NO_MEMORY", "no memory for another client");
}

static void exec_free(struct exec *exec)
{
	for (struct exec **at = &container.execs; *at != NULL; at = &(*at)->next) {
		if (*at != exec)
			continue;
		*at = exec->next;
		break;
	}
	process_dispose(&exec->process);
	if (exec->process_file != NULL)
		unlink(exec->process_file);
	free(exec->process_file);
	free_later(exec);
}

static void exec_made(struct process *process, const struct failure *failure)
{
	struct exec *exec = owner_of(process, struct exec, process);
	if (failure != NULL) {
		hub_fail(&process->hub, failure);
		exec_free(exec);
	} else {
		struct writer writer = {0};
		write_number(&writer, TAG_PID, (uint64_t)process->pid);
		hub_broadcast(&process->hub, MESSAGE_STARTED, &writer);
		writer_free(&writer);
		unlink(exec->process_file);
		process->flowing = true; /* it runs already: what is in the pipes is its own */
		process_flow(process);
	}
	if (container.shutting_down)
		shutdown();
}

static void exec_ended(struct process *process)
{
	(void)process;
}

static void exec_done(struct process *process)
{
	struct exec *exec = owner_of(process, struct exec, process);
	struct exit_record record = {.code = process->exit_code, .exited_at = process->exited_at};
	struct writer writer = {0};
	record_fields(&writer, &record);
	hub_broadcast(&process->hub, MESSAGE_EXITED, &writer);
	writer_free(&writer);
	hub_end(&process->hub);
	exec_free(exec);
	leave_when_empty();
}

static void exec(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (shim.state != STATE_RUNNING || container.shutting_down) {
		refuse(channel, "conflict", "NOT_RUNNING", "the container is not running");
		return;
	}
	struct exec *made = calloc(1, sizeof *made);
	char *process_file = field_text(fields, TAG_PROCESS_FILE);
	if (made == NULL || process_file == NULL) {
		free(made);
		free(process_file);
		refuse(channel, "invalid", "EXEC_INVALID", "an exec needs its process file");
		return;
	}
	made->process_file = process_file;
	made->next = container.execs;
	container.execs = made;
	struct process *process = &made->process;
	process_init(process);
	read_streams(process, fields);
	process->hub.stdin_once = true;
	process->made = exec_made;
	process->ended = exec_ended;
	process->done = exec_done;
	hub_attach(&process->hub, channel, process->open_stdin);
	char name[32];
	snprintf(name, sizeof name, "x%u", container.exec_count++);
	char *verb[] = {"exec", "--detach", "--process", process_file, NULL};
	if (launch(process, name, verb, container.id, &failure) < 0) {
		hub_fail(&process->hub, &failure);
		exec_free(made);
	}
}

/* The process that SIGNAL or RESIZE means; NULL, answered, where there is none. */
static struct process *find_target(struct channel *channel, struct span fields)
{
	struct span value;
	if (!field_find(fields, TAG_TARGET, &value))
		return &container.main;
	struct channel *target = channel_find(channel->client, (uint32_t)span_number(value, 0));
	for (struct exec *at = container.execs; at != NULL; at = at->next) {
		if (target != NULL && hub_has(&at->process.hub, target))
			return &at->process;
	}
	refuse(channel, "not-found", "NO_SUCH_PROCESS", "there is no such process any more");
	return NULL;
}

static void send_signal(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	struct process *process = find_target(channel, fields);
	if (process == NULL)
		return;
	if (process_signal(process, (int)field_number(fields, TAG_SIGNAL, 0), &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

static void resize(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	struct process *process = find_target(channel, fields);
	if (process == NULL)
		return;
	if (process_resize(process, (unsigned)field_number(fields, TAG_ROWS, 0),
			   (unsigned)field_number(fields, TAG_COLUMNS, 0), &failure) < 0)
		channel_fail(channel, &failure);
	else
		channel_ok(channel);
}

static void no_mount(struct channel *channel, struct span fields)
{
	(void)fields;
	refuse(channel, "unsupported", "NO_AGENT", "a container takes its mounts with CONFIGURE");
}

static void no_agent(struct channel *channel, uint16_t type, struct span fields)
{
	(void)type;
	(void)fields;
	refuse(channel, "unsupported", "NO_AGENT", "a container has no agent");
}

static int main_pid(void)
{
	return container.main.pid;
}

const struct backend container_backend = {
	.configure = configure,
	.network = network,
	.create = create,
	.start = start,
	.attach = attach,
	.exec = exec,
	.signal = send_signal,
	.resize = resize,
	.mount = no_mount,
	.agent = no_agent,
	.shutdown = shutdown,
	.pid = main_pid,
};

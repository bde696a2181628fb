/* Isolation by namespaces: the OCI runtime makes the processes, the shim owns them. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "execs.h"
#include "memory.h"
#include "mounts.h"
#include "netsetup.h"
#include "shim.h"
#include "spawn.h"

static struct {
	struct runtime runtime;
	char *bundle;
	char *start_fifo; /* NULL: run the runtime's `start` */
	char *memory_cgroup;
	struct process main;
	struct channel *creating;
	struct channel *starting;
	struct source fifo;
	struct child starter;
	bool shutting_down;
} container = {.fifo.fd = -1, .runtime.network = -1};

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
	if (own)
		container.runtime.network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own && unshare(CLONE_NEWNET) < 0)
		return fail(failure, "NAMESPACE_FAILED", errno, "cannot make a network namespace");
	if (own && netsetup_loopback(failure) < 0)
		return -1;
	return mounts_make(fields, failure);
}

static void configure(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	if (shim.state != STATE_NEW) {
		refuse(channel, "conflict", "CONFIGURED", "the container is configured already");
		return;
	}
	container.runtime.argv = field_texts(fields, TAG_RUNTIME, NULL);
	container.bundle = field_text(fields, TAG_BUNDLE);
	container.runtime.id = field_text(fields, TAG_ID);
	container.start_fifo = field_text(fields, TAG_START_FIFO);
	container.memory_cgroup = field_text(fields, TAG_MEMORY_CGROUP);
	if (container.runtime.argv == NULL || container.runtime.argv[0] == NULL || container.bundle == NULL ||
	    container.runtime.id == NULL) {
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

static void leave_when_empty(void)
{
	if (container.shutting_down && !process_alive(&container.main) && container.starter.pid == 0 && !execs_alive())
		shim_leave();
}

static void shutdown(void)
{
	container.shutting_down = true;
	process_kill(&container.main);
	if (container.starter.pid != 0)
		kill(container.starter.pid, SIGKILL);
	execs_kill();
	leave_when_empty();
}

static struct exit_record main_record;

/* Read at once: the cgroup may be gone when the last output is. */
static void main_ended(struct process *process)
{
	main_record.code = process->exit_code;
	main_record.exited_at = process->exited_at;
	main_record.out_of_memory = memory_had_oom_kill(container.memory_cgroup);
}

static void main_done(struct process *process)
{
	hub_end(&process->hub);
	shim_exited(&main_record);
	answer(&container.starting, NULL);
	process_dispose(process);
	leave_when_empty();
}

/*
 * The runtime hides a file by laying /dev/null over it, through whatever an image's own /dev, brought in as a
 * volume, has there; where there is nothing it hides nothing (CVE-2025-31133). The program has not started yet.
 */
static int check_null(pid_t pid, struct failure *failure)
{
	char path[64];
	struct stat status = {0};
	snprintf(path, sizeof path, "/proc/%d/root", (int)pid);
	int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && (errno == ENOENT || errno == ESRCH))
		return 0; /* it has ended */
	int found = root < 0 ? -1 : fstatat(root, "dev/null", &status, AT_SYMLINK_NOFOLLOW);
	if (root >= 0)
		close(root);
	if (found == 0 && S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3))
		return 0;
	return fail_as(failure, "invalid", "ROOT_UNUSABLE", 0,
		       "/dev/null of the container is not the null device: something is mounted over /dev");
}

static void main_made(struct process *process, const struct failure *failure)
{
	struct failure odd = {0};
	struct channel *channel = container.creating;
	if (failure == NULL)
		shim.state = STATE_CREATED;
	if (failure == NULL && check_null(process->pid, &odd) < 0)
		failure = &odd;
	if (failure != NULL || channel == NULL) {
		answer(&container.creating, failure);
	} else {
		struct writer writer = {0};
		write_number(&writer, TAG_PID, (uint64_t)process->pid);
		container.creating = NULL;
		channel_ok_fields(channel, &writer);
	}
	if (container.shutting_down)
		shutdown();
}

static void create(struct channel *channel, struct span fields)
{
	struct failure failure = {0};
	struct process *process = &container.main;
	if (shim.state != STATE_OPEN || process->runtime.pid != 0) {
		refuse(channel, "conflict", "CREATED", "the container is created already, or not configured");
		return;
	}
	process_read(process, fields);
	process->made = main_made;
	process->ended = main_ended;
	process->done = main_done;
	char *verb[] = {"create", "--bundle", container.bundle, NULL};
	if (runtime_launch(process, &container.runtime, "main", verb, &failure) < 0) {
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
	for (char **at = container.runtime.argv; *at != NULL && count < 40; at++)
		words[count++] = *at;
	words[count++] = "start";
	words[count++] = container.runtime.id;
	words[count] = NULL;
	struct spawn request = {
		.argv = words,
		.input = -1,
		.output = -1,
		.errors = -1,
		.prepare = runtime_prepare,
		.context = &container.runtime,
	};
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

static void exec(struct channel *channel, struct span fields)
{
	if (shim.state != STATE_RUNNING || container.shutting_down)
		refuse(channel, "conflict", "NOT_RUNNING", "the container is not running");
	else
		execs_start(channel, fields, &container.runtime, container.main.pid, leave_when_empty);
}

/* The process that SIGNAL or RESIZE means; NULL, answered, where there is none. */
static struct process *find_target(struct channel *channel, struct span fields)
{
	struct span value;
	if (!field_find(fields, TAG_TARGET, &value))
		return &container.main;
	struct process *found = execs_find(channel_find(channel->client, (uint32_t)span_number(value, 0)));
	if (found == NULL)
		refuse(channel, "not-found", "NO_SUCH_PROCESS", "there is no such process any more");
	return found;
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
	.isolation = "container",
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

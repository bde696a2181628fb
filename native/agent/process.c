#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "report.h"

struct process *process_find(uint32_t channel)
{
	for (struct process *process = agent.processes; process != NULL; process = process->next)
		if (process->channel == channel && channel != 0)
			return process;
	return NULL;
}

struct process *process_new(enum process_kind kind, uint32_t channel, struct failure *failure)
{
	int count = 0;
	for (struct process *other = agent.processes; other != NULL; other = other->next)
		count++;
	struct process *process = count < MAXIMUM_PROCESSES ? calloc(1, sizeof *process) : NULL;
	if (process == NULL) {
		fail_as(failure, "exhausted", "TOO_MANY_PROCESSES", 0, "the agent has too many processes under way");
		return NULL;
	}
	*process = (struct process){
		.next = agent.processes,
		.kind = kind,
		.channel = channel,
		.report = {.fd = -1},
		.input = {.fd = -1},
		.output = {{.fd = -1}, {.fd = -1}},
	};
	agent.processes = process;
	return process;
}

void process_free(struct process *process)
{
	for (struct process **at = &agent.processes; *at != NULL; at = &(*at)->next)
		if (*at == process) {
			*at = process->next;
			break;
		}
	if (agent.main == process)
		agent.main = NULL;
	watch_close(&process->report);
	watch_close(&process->input);
	watch_close(&process->output[0]);
	watch_close(&process->output[1]);
	free(process->pending);
	free(process);
}

/* A fork, in the workload's cgroup and namespaces as its kind asks. */
static pid_t fork_for(enum process_kind kind)
{
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	bool inside = kind == PROCESS_MAIN || kind == PROCESS_EXEC;
	if (kind == PROCESS_MAIN)
		arguments.flags = CLONE_NEWPID | CLONE_NEWNS;
	if (inside && agent.cgroup >= 0) {
		arguments.flags |= CLONE_INTO_CGROUP;
		arguments.cgroup = (uint64_t)agent.cgroup;
	}
	if (kind == PROCESS_EXEC && setns(agent.main_pid_namespace, CLONE_NEWPID) < 0)
		return -1;
	pid_t pid = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
	int number = errno;
	if (pid != 0 && kind == PROCESS_EXEC)
		setns(agent.own_pid_namespace, CLONE_NEWPID);
	errno = number;
	return pid;
}

static void close_all(const int *descriptors, int count)
{
	for (int i = 0; i < count; i++)
		if (descriptors[i] >= 0)
			close(descriptors[i]);
}

static bool is_service(enum process_kind kind)
{
	return kind == PROCESS_ROOTFS || kind == PROCESS_LISTING;
}

/* Pipes for the streams: `inner` for the child, `outer` for the agent. */
static int open_streams(struct process *process, bool with_input, int inner[3], int outer[3])
{
	for (int i = 0; i < 3; i++) {
		int ends[2];
		if (process->terminal || (i == 0 && !with_input) || (i == 2 && is_service(process->kind)))
			continue;
		if (pipe2(ends, O_CLOEXEC) < 0)
			return -1;
		inner[i] = ends[i == 0 ? 0 : 1];
		outer[i] = ends[i == 0 ? 1 : 0];
	}
	return 0;
}

static void report_act(struct watch *watch, uint32_t events);

static int launch(struct process *process, struct span fields, bool with_input, struct failure *failure)
{
	int inner[3] = {-1, -1, -1}, outer[3] = {-1, -1, -1}, report[2] = {-1, -1};
	bool reports = process->kind == PROCESS_MAIN || process->kind == PROCESS_EXEC;
	bool streams = reports || is_service(process->kind);
	if ((streams && open_streams(process, with_input, inner, outer) < 0) ||
	    (reports && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) < 0))
		goto failed;
	process->pid = fork_for(process->kind);
	if (process->pid == 0)
		child_run(process->kind, fields, report[1], inner);
	if (process->pid < 0)
		goto failed;
	close_all(inner, 3);
	close_all(&report[1], 1);
	process->report = (struct watch){.fd = report[0], .act = report_act, .owner = process};
	watch_set(&process->report, EPOLLIN);
	process->launched = !reports;
	stream_open(process, outer[0], outer[1], outer[2]);
	return 0;
failed:
	fail_as(failure, "exhausted", "LAUNCH_FAILED", errno, "the guest cannot start a process");
	process->pid = 0;
	close_all(inner, 3);
	close_all(outer, 3);
	close_all(report, 2);
	return -1;
}

static int open_namespace(pid_t pid, const char *name)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

static void on_ready(struct process *process, int terminal)
{
	if (terminal >= 0)
		stream_open(process, fcntl(terminal, F_DUPFD_CLOEXEC, 0), terminal, -1);
	if (process->kind != PROCESS_MAIN)
		return;
	agent.main_pid_namespace = open_namespace(process->pid, "pid");
	agent.main_mount_namespace = open_namespace(process->pid, "mnt");
	agent.main_cgroup_namespace = agent.guest ? open_namespace(process->pid, "cgroup") : -1;
	agent.state = STATE_CREATED;
	if (agent.rehearsal)
		process_start_main(0);
	else
		answer_ok(process->channel);
}

static void on_failed(struct process *process, const struct report *report)
{
	struct failure failure;
	report_failure(report, &failure);
	bool at_start = process->kind == PROCESS_MAIN && agent.state == STATE_CREATED;
	answer_failure(at_start && process->start_channel != 0 ? process->start_channel : process->channel, &failure);
	process->failed = !at_start;
	process->launched = true;
}

/* The program runs: its side of the report socket is closed. */
static void on_running(struct process *process)
{
	watch_close(&process->report);
	if (process->launched)
		return;
	if (process->kind == PROCESS_MAIN && agent.state != STATE_CREATED) {
		struct report lost = {.class = "internal", .code = "LAUNCH_FAILED", .message = "the process died early"};
		on_failed(process, &lost);
		return;
	}
	process->launched = true;
	struct writer writer = {0};
	if (process->kind == PROCESS_EXEC) {
		write_number(&writer, TAG_PID, (uint64_t)process->pid);
		answer(MESSAGE_STARTED, process->channel, &writer);
	} else {
		agent.state = STATE_RUNNING;
		if (process->start_channel != 0)
			answer_ok(process->start_channel);
	}
	stream_update(process);
	if (process->pending_size > 0 || process->close_input)
		watch_set(&process->input, EPOLLOUT);
}

static void drain_reports(struct process *process)
{
	struct report report;
	int terminal;
	while (process->report.fd >= 0) {
		int got = report_receive(process->report.fd, &report, &terminal);
		if (got < 0)
			return;
		if (got == 0)
			on_running(process);
		else if (report.kind == REPORT_READY)
			on_ready(process, terminal);
		else
			on_failed(process, &report);
	}
}

static void report_act(struct watch *watch, uint32_t events)
{
	struct process *process = watch->owner;
	drain_reports(process);
	process_settle(process);
}

static struct process *begin(enum process_kind kind, struct span fields, uint32_t channel)
{
	struct failure failure;
	struct process *process = process_new(kind, channel, &failure);
	if (process != NULL) {
		bool with_input = kind == PROCESS_ROOTFS || field_number(fields, TAG_STDIN, 0) == 1;
		process->terminal = field_number(fields, TAG_TERMINAL, 0) == 1;
		if (launch(process, fields, with_input, &failure) == 0)
			return process;
		process_free(process);
	}
	answer_failure(channel, &failure);
	return NULL;
}

void process_launch_main(struct span fields, uint32_t channel)
{
	agent.oom_kills = listing_oom_kills();
	if (keep(&kept_create, fields) == 0)
		agent.main = begin(PROCESS_MAIN, fields, channel);
	if (agent.main == NULL && agent.rehearsal)
		setup_undo();
}

void process_start_main(uint32_t channel)
{
	agent.main->start_channel = channel;
	if (write(agent.main->report.fd, "", 1) < 0 && channel != 0) {
		struct failure failure;
		fail_as(&failure, "conflict", "NOT_RUNNING", errno, "the process ended before it was started");
		answer_failure(channel, &failure);
	}
}

void process_launch_exec(struct span fields, uint32_t channel)
{
	begin(PROCESS_EXEC, fields, channel);
}

void process_launch_service(enum process_kind kind, uint32_t channel)
{
	struct process *process = begin(kind, (struct span){0}, channel);
	if (process != NULL)
		answer_ok(channel);
}

void process_launch_sync(uint32_t channel)
{
	begin(PROCESS_SYNC, (struct span){0}, channel);
}

void process_launch_freeze(struct span fields, uint32_t channel)
{
	begin(PROCESS_FREEZE, fields, channel);
}

void process_reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct process *process = agent.processes;
		while (process != NULL && process->pid != pid)
			process = process->next;
		if (process == NULL)
			continue;
		drain_reports(process);
		process->exited = true;
		process->status = status;
		process_settle(process);
	}
}

int process_launch_flush(struct process *flush)
{
	struct failure failure;
	return launch(flush, (struct span){0}, false, &failure);
}

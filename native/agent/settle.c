/* The end of a child: what is still owed to the peer, and in which order. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"

static int exit_code(const struct process *process)
{
	return WIFEXITED(process->status) ? WEXITSTATUS(process->status) : 128 + WTERMSIG(process->status);
}

static void say_exited(struct process *process)
{
	struct writer writer = {0};
	bool killed = process->kind == PROCESS_MAIN && listing_oom_kills() > agent.oom_kills;
	write_number(&writer, TAG_EXIT_CODE, (uint64_t)exit_code(process));
	write_number(&writer, TAG_OUT_OF_MEMORY, killed);
	write_number(&writer, TAG_EXITED_AT, (uint64_t)wall_milliseconds());
	answer(MESSAGE_EXITED, process->channel, &writer);
	process->exit_sent = true;
}

static void forget_namespaces(void)
{
	int *const descriptors[] = {&agent.main_pid_namespace, &agent.main_mount_namespace,
				    &agent.main_cgroup_namespace};
	for (int i = 0; i < 3; i++) {
		if (*descriptors[i] >= 0)
			close(*descriptors[i]);
		*descriptors[i] = -1;
	}
}

/* The rehearsal is over: everything is as before it. */
static void settle_rehearsal(struct process *process)
{
	uint32_t channel = process->channel;
	bool failed = process->failed;
	process_free(process);
	forget_namespaces();
	setup_undo();
	if (!failed)
		answer_ok(channel);
}

/* EXITED waits for the flush, so that what the workload wrote outlives QEMU. */
static bool flush_main(struct process *process)
{
	struct failure failure;
	if (process->flushed)
		return true;
	forget_namespaces();
	agent.state = STATE_EXITED;
	agent.main = NULL;
	struct process *flush = process_new(PROCESS_FINAL_SYNC, 0, &failure);
	if (flush != NULL && process_launch_flush(flush) == 0)
		return false;
	if (flush != NULL)
		process_free(flush);
	process->flushed = true;
	return true;
}

static void settle_flush(struct process *flush)
{
	process_free(flush);
	for (struct process *process = agent.processes; process != NULL; process = process->next)
		if (process->kind == PROCESS_MAIN && process->exited) {
			process->flushed = true;
			process_settle(process);
			return;
		}
}

static void settle_freeze(struct process *process)
{
	struct failure failure;
	fail_as(&failure, "unavailable", "FREEZE_FAILED", 0, "the guest's processes do not stand still");
	if (exit_code(process) == 0)
		answer_ok(process->channel);
	else
		answer_failure(process->channel, &failure);
	process_free(process);
}

static void settle_failed_main(struct process *process)
{
	/* Its refusal was answered already, so another CREATE may be under way. */
	bool replaced = agent.main != NULL && agent.main != process;
	process_free(process);
	if (replaced)
		return;
	forget_namespaces();
	if (agent.rehearsal)
		setup_undo();
	else
		agent.state = STATE_OPEN;
}

void process_settle(struct process *process)
{
	if (!process->exited || process->report.fd >= 0)
		return;
	if (process->kind == PROCESS_SYNC) {
		answer_ok(process->channel);
		process_free(process);
		return;
	}
	if (process->kind == PROCESS_FREEZE) {
		settle_freeze(process);
		return;
	}
	if (process->kind == PROCESS_FINAL_SYNC) {
		settle_flush(process);
		return;
	}
	if (process->failed && process->kind == PROCESS_MAIN) {
		settle_failed_main(process);
		return;
	}
	bool closed = process->output[0].fd < 0 && process->output[1].fd < 0;
	if (process->failed) {
		process_free(process);
		return;
	}
	if (agent.rehearsal && process->kind == PROCESS_MAIN) {
		if (closed)
			settle_rehearsal(process);
		return;
	}
	if (process->kind == PROCESS_MAIN && !process->exit_sent) {
		if (!process->flushed && agent.state == STATE_EXITED)
			return;
		if (!flush_main(process))
			return;
	}
	if (!process->exit_sent && process->kind != PROCESS_ROOTFS && process->kind != PROCESS_LISTING)
		say_exited(process);
	if (!closed)
		return;
	answer(MESSAGE_ENDED, process->channel, &(struct writer){0});
	process_free(process);
}

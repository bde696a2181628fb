#include "execs.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "enter.h"
#include "record.h"
#include "shim.h"
#include "spawn.h"

/*
 * The runtime reads files of the root, such as /etc/passwd, and waits for ever where the workload has put a
 * FIFO there; a working directory may be on a file system that does not answer. Far more than an exec takes on a
 * busy host.
 */
enum { MAKE_MILLISECONDS = 30000 };

struct exec {
	struct process process;
	struct timer patience;
	bool given_up;
	char *process_file;
	struct exec *next;
};

static struct exec *list;
static unsigned count_started;
static bool killing;
static void (*settled)(void);

static char *run_path(const char *name, const char *suffix)
{
	char *path;
	return asprintf(&path, "%s/%s.%s", shim.run_directory, name, suffix) < 0 ? NULL : path;
}

int runtime_prepare(void *context)
{
	const struct runtime *runtime = context;
	return runtime->network >= 0 && setns(runtime->network, CLONE_NEWNET) < 0 ? errno : 0;
}

int runtime_launch(struct process *process, const struct runtime *runtime, const char *name, char *const *verb,
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
	for (char **at = runtime->argv; *at != NULL && count < 40; at++)
		words[count++] = *at;
	for (char *const *at = verb; *at != NULL; at++)
		words[count++] = *at;
	words[count++] = "--pid-file";
	words[count++] = pid_path;
	if (process->hub.terminal) {
		words[count++] = "--console-socket";
		words[count++] = console_path;
	}
	words[count++] = runtime->id;
	words[count] = NULL;
	struct spawn request = {.argv = words, .prepare = runtime_prepare, .context = (void *)runtime};
	return process_launch(process, &request, pid_path, console_path, failure);
}

void process_read(struct process *process, struct span fields)
{
	process->hub.terminal = field_number(fields, TAG_TERMINAL, 0) != 0;
	process->hub.stdin_once = field_number(fields, TAG_STDIN_ONCE, 0) != 0;
	process->open_stdin = field_number(fields, TAG_STDIN, 0) != 0;
	process->rows = (unsigned)field_number(fields, TAG_ROWS, 0);
	process->columns = (unsigned)field_number(fields, TAG_COLUMNS, 0);
}

static void exec_free(struct exec *exec)
{
	for (struct exec **at = &list; *at != NULL; at = &(*at)->next) {
		if (*at != exec)
			continue;
		*at = exec->next;
		break;
	}
	timer_stop(&exec->patience);
	process_dispose(&exec->process);
	if (exec->process_file != NULL)
		unlink(exec->process_file);
	free(exec->process_file);
	free_later(exec);
}

static void patience_over(struct timer *timer)
{
	struct exec *exec = owner_of(timer, struct exec, patience);
	exec->given_up = true;
	process_give_up(&exec->process);
}

static void exec_made(struct process *process, const struct failure *failure)
{
	struct exec *exec = owner_of(process, struct exec, process);
	struct failure late = {0};
	timer_stop(&exec->patience);
	if (failure != NULL && exec->given_up) {
		fail_as(&late, "unavailable", "EXEC_STUCK", 0, "the process could not enter the container in time");
		failure = &late;
	}
	if (failure != NULL) {
		hub_fail(&process->hub, failure);
		exec_free(exec);
	} else {
		struct writer writer = {0};
		write_number(&writer, TAG_PID, (uint64_t)process->pid);
		hub_broadcast(&process->hub, MESSAGE_STARTED, &writer);
		writer_free(&writer);
		if (exec->process_file != NULL)
			unlink(exec->process_file);
		process->flowing = true; /* it runs already: what is in the pipes is its own */
		process_flow(process);
	}
	if (killing)
		execs_kill();
	settled();
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
	settled();
}

static int launch(struct exec *exec, struct span fields, const struct runtime *runtime, pid_t init,
		  struct failure *failure)
{
	char name[32];
	if (exec->process_file == NULL) {
		struct enter enter = {.init = init, .id = runtime->id, .fields = fields};
		return process_fork(&exec->process, enter_run, &enter, failure);
	}
	snprintf(name, sizeof name, "x%u", count_started++);
	char *verb[] = {"exec", "--detach", "--process", exec->process_file, NULL};
	return runtime_launch(&exec->process, runtime, name, verb, failure);
}

void execs_start(struct channel *channel, struct span fields, const struct runtime *runtime, pid_t init,
		 void (*when_settled)(void))
{
	struct failure failure = {0};
	struct exec *exec = calloc(1, sizeof *exec);
	if (exec == NULL) {
		refuse(channel, "exhausted", "NO_MEMORY", "no memory for another process");
		return;
	}
	settled = when_settled;
	exec->process_file = field_text(fields, TAG_PROCESS_FILE);
	exec->next = list;
	list = exec;
	struct process *process = &exec->process;
	process_init(process);
	process_read(process, fields);
	process->hub.stdin_once = true;
	process->made = exec_made;
	process->ended = exec_ended;
	process->done = exec_done;
	hub_attach(&process->hub, channel, process->open_stdin);
	if (launch(exec, fields, runtime, init, &failure) < 0) {
		hub_fail(&process->hub, &failure);
		exec_free(exec);
		return;
	}
	timer_start(&exec->patience, MAKE_MILLISECONDS, patience_over);
}

struct process *execs_find(const struct channel *channel)
{
	for (struct exec *exec = list; channel != NULL && exec != NULL; exec = exec->next) {
		if (hub_has(&exec->process.hub, channel))
			return &exec->process;
	}
	return NULL;
}

bool execs_alive(void)
{
	for (struct exec *exec = list; exec != NULL; exec = exec->next) {
		if (process_alive(&exec->process))
			return true;
	}
	return false;
}

void execs_kill(void)
{
	killing = true;
	for (struct exec *exec = list; exec != NULL; exec = exec->next)
		process_kill(&exec->process);
}

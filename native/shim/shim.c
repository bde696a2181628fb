#include "shim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "requests.h"

enum { RETRY_MILLISECONDS = 1000 };

struct shim shim;

static struct channel *waiters; /* linked through owner */
static struct channel *leaving; /* of SHUTDOWN */
static struct timer retry;

void refuse(struct channel *channel, const char *class, const char *code, const char *message)
{
	struct failure failure;
	fail_as(&failure, class, code, 0, "%s", message);
	channel_fail(channel, &failure);
}

int shim_configure(struct span fields, struct failure *failure)
{
	char *log_path = field_text(fields, TAG_LOG_PATH);
	if (log_path != NULL && shim.log == NULL) {
		shim.log = jsonlog_open(log_path, field_number(fields, TAG_LOG_MAXIMUM_SIZE, 0),
					field_number(fields, TAG_LOG_MAXIMUM_FILES, 1), failure);
		if (shim.log == NULL) {
			free(log_path);
			return -1;
		}
	}
	free(log_path);
	char *exit_path = field_text(fields, TAG_EXIT_PATH);
	if (exit_path != NULL) {
		free(shim.exit_path);
		shim.exit_path = exit_path;
	}
	return 0;
}

static void write_record(struct timer *timer)
{
	(void)timer;
	if (shim.recorded)
		return;
	int number = shim.exit_path == NULL ? 0 : record_write(shim.exit_path, &shim.record);
	if (number == 0 || number == ENOENT) /* whose folder is gone was removed: nobody will read it */
		shim.recorded = true;
	else /* a full disk: those who wait get the answer, the disk gets it when it can */
		timer_start(&retry, RETRY_MILLISECONDS, write_record);
}

static void answer_exited(struct channel *channel)
{
	struct writer writer = {0};
	record_fields(&writer, &shim.record);
	channel_send_fields(channel, MESSAGE_EXITED, &writer);
	channel_send(channel, MESSAGE_ENDED, NULL, 0);
	channel_close(channel);
}

static void waiter_unlink(struct channel *channel)
{
	struct channel *previous = NULL;
	for (struct channel *at = waiters; at != NULL; previous = at, at = at->owner) {
		if (at != channel)
			continue;
		if (previous == NULL)
			waiters = at->owner;
		else
			previous->owner = at->owner;
		return;
	}
}

static void waiter_gone(struct channel *channel)
{
	waiter_unlink(channel);
	channel_close(channel);
}

static void waiter_frame(struct channel *channel, const struct frame *frame)
{
	if (frame->type != MESSAGE_DETACH)
		return;
	channel_send(channel, MESSAGE_ENDED, NULL, 0);
	waiter_gone(channel);
}

void request_wait(struct channel *channel)
{
	if (shim.state == STATE_EXITED) {
		answer_exited(channel);
		return;
	}
	channel->owner = waiters;
	channel->frame = waiter_frame;
	channel->gone = waiter_gone;
	waiters = channel;
}

void shim_exited(const struct exit_record *record)
{
	if (shim.state == STATE_EXITED)
		return;
	shim.state = STATE_EXITED;
	shim.record = *record;
	write_record(NULL);
	while (waiters != NULL) {
		struct channel *channel = waiters;
		waiters = channel->owner;
		answer_exited(channel);
	}
}

static void leaving_gone(struct channel *channel)
{
	leaving = NULL;
	channel_close(channel);
}

void request_shutdown(struct channel *channel)
{
	if (leaving != NULL) {
		refuse(channel, "conflict", "SHUTTING_DOWN", "the shim is being shut down already");
		return;
	}
	leaving = channel;
	channel->gone = leaving_gone;
	if (shim.backend == NULL)
		shim_leave();
	else
		shim.backend->shutdown();
}

void shim_leave(void)
{
	write_record(NULL);
	unlink(shim.socket_path);
	if (leaving != NULL)
		channel_ok(leaving);
	leaving = NULL;
	jsonlog_close(shim.log);
	shim.log = NULL;
	clients_flush();
	loop_stop();
}

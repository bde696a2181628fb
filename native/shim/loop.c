#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

struct orphan {
	pid_t pid;
	int status;
	struct orphan *next;
};

struct grave {
	void *memory;
	struct grave *next;
};

static int epoll_fd = -1;
static bool stopping;
static struct source signals = {.fd = -1};
static struct child *children;
static struct timer *timers;
static struct orphan *orphans;
static int orphans_expected;
static bool reap_again;
static struct grave *graves;

static void reap(void);

static void signals_ready(struct source *source, uint32_t events)
{
	(void)events;
	struct signalfd_siginfo info[8];
	while (read(source->fd, info, sizeof info) > 0)
		;
	reap();
}

int loop_open(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -1;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return -1;
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_fd < 0)
		return -1;
	int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -1;
	return source_add(&signals, fd, EPOLLIN, signals_ready);
}

int source_add(struct source *source, int fd, uint32_t events, void (*ready)(struct source *, uint32_t))
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	if (events != 0 && epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
		source->fd = -1;
		return -1;
	}
	source->fd = fd;
	source->events = events;
	source->ready = ready;
	return 0;
}

void source_change(struct source *source, uint32_t events)
{
	if (source->fd < 0 || source->events == events)
		return;
	struct epoll_event event = {.events = events, .data.ptr = source};
	int operation = source->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
	if (epoll_ctl(epoll_fd, operation, source->fd, &event) == 0)
		source->events = events;
}

void source_close(struct source *source)
{
	if (source->fd < 0)
		return;
	if (source->events != 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	close(source->fd);
	source->fd = -1;
}

static void child_unlink(struct child *child)
{
	for (struct child **at = &children; *at != NULL; at = &(*at)->next) {
		if (*at != child)
			continue;
		*at = child->next;
		return;
	}
}

static bool report(pid_t pid, int status)
{
	for (struct child *child = children; child != NULL; child = child->next) {
		if (child->pid != pid)
			continue;
		child_unlink(child);
		child->pid = 0;
		child->ended(child, status);
		return true;
	}
	return false;
}

static void keep_orphan(pid_t pid, int status)
{
	if (orphans_expected == 0)
		return;
	struct orphan *orphan = malloc(sizeof *orphan);
	if (orphan == NULL)
		return;
	*orphan = (struct orphan){pid, status, orphans};
	orphans = orphan;
}

static void reap(void)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (!report(pid, status))
			keep_orphan(pid, status);
	}
}

/* Orphans whose pid is known by now. */
static void report_orphans(void)
{
	reap_again = false;
	for (struct orphan **at = &orphans; *at != NULL;) {
		struct orphan orphan = **at;
		bool known = false;
		for (struct child *child = children; child != NULL; child = child->next)
			known = known || child->pid == orphan.pid;
		if (!known) {
			at = &(*at)->next;
			continue;
		}
		free(*at);
		*at = orphan.next;
		report(orphan.pid, orphan.status);
		at = &orphans;
	}
	if (orphans_expected > 0)
		return;
	while (orphans != NULL) {
		struct orphan *next = orphans->next;
		free(orphans);
		orphans = next;
	}
}

void child_watch(struct child *child, pid_t pid, void (*ended)(struct child *, int))
{
	child->pid = pid;
	child->ended = ended;
	child->next = children;
	children = child;
	reap_again = true;
}

void child_forget(struct child *child)
{
	child_unlink(child);
	child->pid = 0;
}

void expect_orphans(void)
{
	orphans_expected++;
}

void expect_orphans_end(void)
{
	orphans_expected--;
	reap_again = true;
}

void timer_start(struct timer *timer, int64_t milliseconds, void (*fired)(struct timer *))
{
	timer_stop(timer);
	timer->due = milliseconds_now() + milliseconds;
	timer->fired = fired;
	timer->next = timers;
	timers = timer;
}

void timer_stop(struct timer *timer)
{
	if (timer->due == 0)
		return;
	timer->due = 0;
	for (struct timer **at = &timers; *at != NULL; at = &(*at)->next) {
		if (*at != timer)
			continue;
		*at = timer->next;
		return;
	}
}

static int until_next_timer(void)
{
	int64_t nearest = -1;
	for (struct timer *timer = timers; timer != NULL; timer = timer->next) {
		if (nearest < 0 || timer->due < nearest)
			nearest = timer->due;
	}
	if (nearest < 0)
		return -1;
	int64_t left = nearest - milliseconds_now();
	return left < 0 ? 0 : (int)left;
}

static void fire_timers(void)
{
	int64_t time = milliseconds_now();
	for (struct timer *timer = timers; timer != NULL;) {
		if (timer->due > time) {
			timer = timer->next;
			continue;
		}
		timer_stop(timer);
		timer->fired(timer);
		timer = timers;
	}
}

void free_later(void *memory)
{
	struct grave *grave = memory == NULL ? NULL : malloc(sizeof *grave);
	if (grave == NULL)
		return; /* without memory a leak is better than a use after free */
	*grave = (struct grave){memory, graves};
	graves = grave;
}

static void bury(void)
{
	while (graves != NULL) {
		struct grave *grave = graves;
		graves = grave->next;
		free(grave->memory);
		free(grave);
	}
}

void loop_run(void)
{
	while (!stopping) {
		struct epoll_event events[32];
		int timeout = reap_again ? 0 : until_next_timer();
		int count = epoll_wait(epoll_fd, events, 32, timeout);
		if (count < 0 && errno != EINTR)
			return;
		for (int i = 0; i < count; i++) {
			struct source *source = events[i].data.ptr;
			if (source->fd >= 0 && source->events != 0)
				source->ready(source, events[i].events);
		}
		fire_timers();
		if (reap_again)
			report_orphans();
		bury();
	}
}

void loop_stop(void)
{
	stopping = true;
}

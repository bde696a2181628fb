/* The freezer of the workload's cgroup (cgroup-v2.rst, cgroup.freeze): the agent itself is not in it. */
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"

enum { FREEZE_DEADLINE = 10000 };

static int ask(bool frozen)
{
	int fd = open(AGENT_CGROUP "/cgroup.freeze", O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, frozen ? "1" : "0", 1);
	close(fd);
	return written == 1 ? 0 : -1;
}

/* The kernel tells of a change of the file by POLLPRI. */
static int await_still(int events)
{
	int64_t deadline = milliseconds_now() + FREEZE_DEADLINE;
	for (;;) {
		char text[256];
		ssize_t size = pread(events, text, sizeof text - 1, 0);
		if (size < 0)
			return -1;
		text[size] = 0;
		if (strstr(text, "frozen 1") != NULL)
			return 0;
		struct pollfd waiting = {.fd = events, .events = POLLPRI};
		int64_t left = deadline - milliseconds_now();
		if (left <= 0 || poll(&waiting, 1, (int)left) < 0)
			return -1;
	}
}

int freeze_workload(bool frozen)
{
	if (!agent.guest)
		return -1;
	if (!frozen)
		return ask(false);
	int events = open(AGENT_CGROUP "/cgroup.events", O_RDONLY | O_CLOEXEC);
	int result = events < 0 || ask(true) < 0 ? -1 : await_still(events);
	close(events);
	if (result < 0)
		ask(false);
	return result;
}

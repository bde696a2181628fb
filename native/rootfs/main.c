/*
 * duet-rootfs: the only program of the host that touches a path inside an image's file system. The
 * first frame on stdin says which tree to enter (or which program to run beside one), the rest are operations.
 * With `--processes` it shows a guest's instead (processes.c).
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "enter.h"
#include "operations.h"
#include "processes.h"

static int read_exactly(void *buffer, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = read(0, (char *)buffer + done, size - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		done += (size_t)got;
	}
	return 0;
}

/* Byte-exact, so that nothing of the operations after it is taken from stdin. */
static int read_first(uint8_t *buffer, size_t capacity, struct frame_header *header, struct cursor *payload)
{
	uint8_t head[ROOTFS_HEADER];
	if (read_exactly(head, sizeof head) < 0)
		return -1;
	struct cursor cursor = { head, sizeof head, false };
	header->length = take_u32(&cursor);
	header->type = (uint16_t)(take_u32(&cursor) & 0xffff);
	header->id = take_u32(&cursor);
	if (header->length > capacity || read_exactly(buffer, header->length) < 0)
		return -1;
	*payload = (struct cursor){ buffer, header->length, false };
	return 0;
}

static void answer(uint16_t type, uint32_t id, const struct entry_failure *failure)
{
	struct link link;
	if (link_open(&link, 0, 1) == 0) {
		struct answer reply = answer_begin(&link, type, id);
		if (type == ROOTFS_ERROR) {
			put_u32(&reply, (uint32_t)failure->number);
			put_bytes(&reply, failure->what, strlen(failure->what));
			put_bytes(&reply, "", 0);
		}
		answer_end(&reply);
		link_flush(&link);
	}
	link_close(&link);
}

int main(int count, char **arguments)
{
	static uint8_t buffer[256 << 10];
	struct frame_header header;
	struct cursor payload;
	struct entry_failure failure = { 0, NULL };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (count > 1 && strcmp(arguments[1], "--processes") == 0)
		return show_processes(arguments + 1);
	signal(SIGPIPE, SIG_IGN);
	if (read_first(buffer, sizeof buffer, &header, &payload) < 0)
		return 2;
	if (header.type == ROOTFS_EXECUTE) {
		execute(&payload, &failure);
		answer(ROOTFS_ERROR, header.id, &failure);
		return 1;
	}
	/* One descriptor a level of the deepest tree. */
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	bool layer = header.type == ROOTFS_ENTER && header.length > 1 && (buffer[1] & ROOTFS_LAYER);
	int beside = -1, root = header.type == ROOTFS_ENTER ? enter(&payload, &beside, &failure) : -1;
	if (root >= 0 && confine(layer) < 0) {
		failure = (struct entry_failure){ errno, "give up privileges for" };
		root = -1;
	}
	if (root < 0) {
		if (!failure.number)
			failure = (struct entry_failure){ EINVAL, "understand what to enter of" };
		answer(ROOTFS_ERROR, header.id, &failure);
		return 1;
	}
	answer(ROOTFS_OK, header.id, &failure);
	return rootfs_serve_beside(0, 1, root, beside) == 0 ? 0 : 2;
}

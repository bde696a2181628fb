#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "make.h"

static void answer_failure(struct session *session, struct outcome outcome)
{
	struct answer answer = answer_begin(&session->link, ROOTFS_ERROR, session->id);
	put_u32(&answer, (uint32_t)outcome.number);
	put_bytes(&answer, outcome.what, strlen(outcome.what));
	put_bytes(&answer, session->subject, strlen(session->subject));
	answer_end(&answer);
}

static void answer_ok(struct session *session)
{
	struct answer answer = answer_begin(&session->link, ROOTFS_OK, session->id);
	answer_end(&answer);
}

/* Operations that are answered one by one. False where `type` is none of them. */
static bool ask(struct session *session, uint16_t type, struct cursor *payload)
{
	struct outcome outcome;
	switch (type) {
	case ROOTFS_STAT:
		outcome = stat_path(session, payload);
		break;
	case ROOTFS_READ:
		outcome = read_file(session, payload);
		break;
	case ROOTFS_TREE:
		outcome = send_tree(session, payload);
		break;
	case ROOTFS_SYNC: {
		/* The root may be O_PATH, which syncfs refuses. */
		int fd = open_in_root(session, "", O_RDONLY | O_DIRECTORY);
		outcome = fd < 0 || syncfs(fd) < 0 ? failure("flush") : DONE;
		if (fd >= 0)
			close(fd);
		if (!outcome.number)
			answer_ok(session);
		break;
	}
	default:
		return false;
	}
	if (outcome.number)
		answer_failure(session, outcome);
	return true;
}

/* Operations that answer only when they fail. */
static struct outcome change(struct session *session, uint16_t type, struct cursor *payload)
{
	switch (type) {
	case ROOTFS_DIRECTORY:
		return make_directory(session, payload);
	case ROOTFS_FILE:
		return make_file(session, payload);
	case ROOTFS_DATA:
		return write_data(session, payload);
	case ROOTFS_END:
		return end_file(session, payload);
	case ROOTFS_SYMLINK:
		return make_symlink(session, payload);
	case ROOTFS_HARDLINK:
		return make_hardlink(session, payload);
	case ROOTFS_NODE:
		return make_node(session, payload);
	case ROOTFS_WHITEOUT:
		return make_whiteout(session, payload);
	case ROOTFS_OPAQUE:
		return make_opaque(session, payload);
	case ROOTFS_REMOVE:
		return remove_path(session, payload);
	case ROOTFS_METADATA:
		return change_metadata(session, payload);
	case ROOTFS_COPY:
		return copy_tree(session, payload);
	default:
		return malformed(session);
	}
}

static void handle(struct session *session, const struct frame_header *header, struct cursor *payload)
{
	session->id = header->id;
	if (header->type == ROOTFS_BARRIER) {
		drop_file(session);
		forget_parent(session);
		if (!session->failed)
			answer_ok(session);
		else
			answer_failure(session, failure_of(ECANCELED, "finish"));
		session->failed = false;
		return;
	}
	if (ask(session, header->type, payload) || session->failed)
		return;
	struct outcome outcome = change(session, header->type, payload);
	if (outcome.number) {
		drop_file(session);
		answer_failure(session, outcome);
		session->failed = true;
	}
}

int rootfs_serve(int in, int out, int root)
{
	return rootfs_serve_beside(in, out, root, -1);
}

int rootfs_serve_beside(int in, int out, int root, int beside)
{
	struct session session = { .root = root, .beside = beside, .parent = -1, .file = { .fd = -1, .size = 0 } };
	struct frame_header header;
	struct cursor payload;
	int result = link_open(&session.link, in, out);
	umask(0);
	while (result == 0) {
		int got = link_next(&session.link, &header, &payload);
		if (got <= 0) {
			result = got;
			break;
		}
		handle(&session, &header, &payload);
		if (session.malformed || session.link.broken)
			result = -1;
	}
	link_flush(&session.link);
	drop_file(&session);
	forget_parent(&session);
	link_close(&session.link);
	return result;
}

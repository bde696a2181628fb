#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "make.h"

void put_entry(struct answer *answer, uint8_t flags, const struct stat *found, const char *path, const char *target)
{
	put_u8(answer, flags);
	put_u32(answer, found->st_mode);
	put_u32(answer, found->st_uid);
	put_u32(answer, found->st_gid);
	put_u64(answer, (uint64_t)found->st_mtim.tv_sec);
	put_u32(answer, (uint32_t)found->st_mtim.tv_nsec);
	put_u64(answer, (uint64_t)found->st_size);
	put_u32(answer, major(found->st_rdev));
	put_u32(answer, minor(found->st_rdev));
	put_u64(answer, (uint64_t)found->st_nlink);
	put_u64(answer, (uint64_t)found->st_dev);
	put_u64(answer, (uint64_t)found->st_ino);
	put_u64(answer, (uint64_t)found->st_blocks);
	put_bytes(answer, path, strlen(path));
	put_bytes(answer, target, strlen(target));
}

void put_changed(struct answer *answer, const struct stat *found)
{
	put_u64(answer, (uint64_t)found->st_ctim.tv_sec);
	put_u32(answer, (uint32_t)found->st_ctim.tv_nsec);
}

struct outcome stat_path(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], target[PATH_MAX] = "";
	bool follow = take_u8(payload) != 0;
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "look at");
	int fd = open_in_root(session, path, O_PATH | (follow ? 0 : O_NOFOLLOW));
	if (fd < 0)
		return failure("look at");
	struct stat found;
	int result = fstat(fd, &found);
	if (result == 0 && S_ISLNK(found.st_mode)) {
		ssize_t size = readlinkat(fd, "", target, sizeof target - 1);
		target[size > 0 ? size : 0] = 0;
	}
	close(fd);
	if (result < 0)
		return failure("look at");
	struct answer answer = answer_begin(&session->link, ROOTFS_OK, session->id);
	put_entry(&answer, 0, &found, path, target);
	put_u32(&answer, 0);
	put_changed(&answer, &found);
	answer_end(&answer);
	return DONE;
}

/* Opens what is known to be a regular file: opening a FIFO could block, a device could do anything. */
static int open_regular(const struct session *session, const char *path, struct stat *found)
{
	int place = open_in_root(session, path, O_PATH);
	if (place < 0)
		return -1;
	int result = fstat(place, found);
	close(place);
	if (result < 0)
		return -1;
	if (!S_ISREG(found->st_mode)) {
		errno = S_ISDIR(found->st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	int fd = open_in_root(session, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0 && (fstat(fd, found) < 0 || !S_ISREG(found->st_mode))) {
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

struct outcome read_file(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX];
	uint64_t limit = take_u64(payload), offset = 0;
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "read");
	struct stat found;
	int fd = open_regular(session, path, &found);
	if (fd < 0)
		return failure("read");
	for (bool more = true; more && !session->link.broken;) {
		struct answer answer = answer_begin(&session->link, ROOTFS_CONTENT, session->id);
		put_u64(&answer, offset);
		size_t room = 256 << 10;
		uint8_t *space = put_space(&answer, room);
		ssize_t got = space ? pread(fd, space, room, (off_t)offset) : -1;
		int number = errno;
		/* Whoever asked counts, and takes more than it asked for as a lie. */
		bool over = got > 0 && offset + (uint64_t)got > limit;
		put_unused(&answer, room - (size_t)(got > 0 && !over ? got : 0));
		answer_end(&answer);
		if (got > 0)
			offset += (uint64_t)got;
		more = got > 0 && offset <= limit;
		if (got < 0) {
			close(fd);
			return failure_of(number, "read");
		}
	}
	close(fd);
	if (offset > limit)
		return failure_of(EFBIG, "read");
	struct answer answer = answer_begin(&session->link, ROOTFS_OK, session->id);
	answer_end(&answer);
	return DONE;
}

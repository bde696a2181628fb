#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "make.h"

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size) {
		ssize_t put = pwrite(fd, data, size, (off_t)offset);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return -1;
		data += put;
		size -= (size_t)put;
		offset += (uint64_t)put;
	}
	return 0;
}

void drop_file(struct session *session)
{
	if (session->file.fd >= 0)
		close(session->file.fd);
	session->file.fd = -1;
}

struct outcome finish_file(int fd, const struct metadata *metadata, struct cursor attributes)
{
	/* Changing the owner takes away set-user-id and capabilities, so they come after it. */
	if (fchown(fd, metadata->uid, metadata->gid) < 0)
		return failure("set the owner of");
	if (fchmod(fd, metadata->mode & 07777) < 0)
		return failure("set the mode of");
	if (set_attributes(fd, attributes) < 0)
		return failure("set the attributes of");
	struct timespec times[2] = { metadata->modified, metadata->modified };
	if (futimens(fd, times) < 0)
		return failure("set the time of");
	return DONE;
}

struct outcome make_file(struct session *session, struct cursor *payload)
{
	drop_file(session);
	char path[PATH_MAX], name[NAME_MAX + 1];
	uint8_t policy = take_u8(payload);
	uint8_t flags = take_u8(payload);
	struct metadata metadata = take_metadata(payload);
	uint64_t size = take_u64(payload);
	bool fits = take_path(payload, path, sizeof path);
	struct cursor attributes = take_attributes(payload);
	struct bytes content = take_bytes(payload);
	if (payload->bad || content.size > size || size > INT64_MAX || (!(flags & ROOTFS_MORE) && content.size != size))
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the file");
	int folder = open_parent(session, path, true, name);
	if (folder < 0)
		return failure("open the folder of");
	int fd = -1;
	for (int attempt = 0; attempt < MAKE_ATTEMPTS && fd < 0; attempt++) {
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && (errno != EEXIST || make_room(session, &folder, path, name, policy, false) < 0))
			return failure("make the file");
	}
	if (fd < 0)
		return failure_of(EEXIST, "make the file");
	session->file.fd = fd;
	session->file.size = size;
	if (write_all(fd, content.data, content.size, 0) < 0)
		return failure("write the file");
	if (flags & ROOTFS_MORE)
		return DONE;
	struct outcome outcome = finish_file(fd, &metadata, attributes);
	drop_file(session);
	return outcome;
}

struct outcome write_data(struct session *session, struct cursor *payload)
{
	uint64_t offset = take_u64(payload);
	if (payload->bad || session->file.fd < 0)
		return malformed(session);
	if (offset > session->file.size || payload->left > session->file.size - offset)
		return malformed(session);
	if (write_all(session->file.fd, payload->data, payload->left, offset) < 0)
		return failure("write the file");
	return DONE;
}

struct outcome end_file(struct session *session, struct cursor *payload)
{
	struct metadata metadata = take_metadata(payload);
	struct cursor attributes = take_attributes(payload);
	if (payload->bad || session->file.fd < 0)
		return malformed(session);
	/* What was not written stays a hole. */
	struct outcome outcome = ftruncate(session->file.fd, (off_t)session->file.size) < 0
					 ? failure("set the size of")
					 : finish_file(session->file.fd, &metadata, attributes);
	drop_file(session);
	return outcome;
}

#include "make.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OPAQUE "trusted.overlay.opaque"

struct outcome failure(const char *what)
{
	return failure_of(errno, what);
}

struct outcome failure_of(int number, const char *what)
{
	return (struct outcome){ number ? number : EIO, what };
}

struct outcome malformed(struct session *session)
{
	session->malformed = true;
	return failure_of(EBADMSG, "read the operation on");
}

struct metadata take_metadata(struct cursor *cursor)
{
	struct metadata metadata = { take_u32(cursor), take_u32(cursor), take_u32(cursor), { 0, 0 } };
	metadata.modified.tv_sec = (time_t)(int64_t)take_u64(cursor);
	metadata.modified.tv_nsec = take_u32(cursor) % 1000000000;
	return metadata;
}

struct cursor take_attributes(struct cursor *payload)
{
	struct cursor attributes = *payload;
	for (uint32_t count = take_u32(payload); count && !payload->bad; count--) {
		take_bytes(payload);
		take_bytes(payload);
	}
	return attributes;
}

static bool is_whiteout(const struct stat *found)
{
	return S_ISCHR(found->st_mode) && found->st_rdev == makedev(0, 0);
}

int make_room(struct session *session, int *folder, const char *path, char *name, uint8_t policy, bool directory)
{
	struct stat found;
	if (fstatat(*folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -1;
	if (policy == ROOTFS_KEEP || (policy == ROOTFS_KEEP_KIND && S_ISDIR(found.st_mode) != directory)) {
		errno = S_ISDIR(found.st_mode) ? EISDIR : ENOTDIR;
		return -1;
	}
	if (remove_tree(*folder, name) < 0)
		return -1;
	if (S_ISDIR(found.st_mode) || S_ISLNK(found.st_mode)) {
		/* The folder that is open may have been reached through what is gone. */
		forget_parent(session);
		*folder = open_parent(session, path, true, name);
		return *folder < 0 ? -1 : 0;
	}
	return 0;
}

static struct outcome finish_directory(int fd, const struct metadata *metadata, struct cursor attributes)
{
	struct outcome outcome = finish_file(fd, metadata, attributes);
	close(fd);
	return outcome;
}

static int open_directory(int folder, const char *name)
{
	return openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Makes it, or opens the one that is there; a whiteout there means that it hides what lower layers have. */
static int make_or_open(struct session *session, int folder, const char *path, char *name, uint8_t policy, bool *made)
{
	for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
		if (mkdirat(folder, name, 0700) == 0) {
			*made = true;
			return open_directory(folder, name);
		}
		if (errno != EEXIST)
			return -1;
		int fd = open_directory(folder, name);
		if (fd >= 0 || (errno != ENOTDIR && errno != ELOOP && errno != ENOENT))
			return fd;
		struct stat found;
		bool opaque = fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&found);
		if (make_room(session, &folder, path, name, policy, true) < 0)
			return -1;
		if (!opaque)
			continue;
		if (mkdirat(folder, name, 0700) < 0)
			return -1;
		*made = true;
		fd = open_directory(folder, name);
		if (fd >= 0 && fsetxattr(fd, OPAQUE, "y", 1, 0) < 0 && errno != EPERM && errno != ENOTSUP) {
			close(fd);
			return -1;
		}
		return fd;
	}
	errno = EEXIST;
	return -1;
}

struct outcome make_directory(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	uint8_t policy = take_u8(payload);
	struct metadata metadata = take_metadata(payload);
	bool fits = take_path(payload, path, sizeof path), made = false;
	struct cursor attributes = take_attributes(payload);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the directory");
	if (policy == ROOTFS_KEEP || !*path) {
		int there = open_in_root(session, path, O_RDONLY | O_DIRECTORY);
		if (there >= 0 && policy != ROOTFS_KEEP)
			return finish_directory(there, &metadata, attributes);
		if (there >= 0)
			close(there);
		if (there >= 0)
			return DONE;
		if (errno != ENOENT || !*path)
			return failure("open the directory");
	}
	int folder = open_parent(session, path, true, name);
	if (folder < 0)
		return failure("open the folder of");
	int fd = make_or_open(session, folder, path, name, policy, &made);
	if (fd < 0)
		return failure("make the directory");
	return finish_directory(fd, &metadata, attributes);
}

/*
 * A new owner took these bits from what is no directory. The call that neither follows a link nor opens a device is
 * Linux 6.6's; before it they are lost.
 */
static void set_special_bits(int folder, const char *name, mode_t mode)
{
	if (mode & (S_ISUID | S_ISGID))
		(void)syscall(CALL_FCHMODAT2, folder, name, mode & 07777, AT_SYMLINK_NOFOLLOW);
}

static struct outcome finish_at(int folder, const char *name, const struct metadata *metadata, struct cursor attributes)
{
	if (fchownat(folder, name, metadata->uid, metadata->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("set the owner of");
	if (set_attributes_at(folder, name, attributes) < 0)
		return failure("set the attributes of");
	struct timespec times[2] = { metadata->modified, metadata->modified };
	if (utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("set the time of");
	return DONE;
}

struct outcome make_symlink(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], target[PATH_MAX], name[NAME_MAX + 1];
	uint8_t policy = take_u8(payload);
	struct metadata metadata = take_metadata(payload);
	bool fits = take_path(payload, path, sizeof path);
	fits = take_path(payload, target, sizeof target) && fits;
	struct cursor attributes = take_attributes(payload);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the link");
	int folder = open_parent(session, path, true, name);
	if (folder < 0)
		return failure("open the folder of");
	for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
		if (symlinkat(target, folder, name) == 0)
			return finish_at(folder, name, &metadata, attributes);
		if (errno != EEXIST || make_room(session, &folder, path, name, policy, false) < 0)
			return failure("make the link");
	}
	return failure_of(EEXIST, "make the link");
}

struct outcome make_hardlink(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], target[PATH_MAX], name[NAME_MAX + 1], target_name[NAME_MAX + 1];
	uint8_t policy = take_u8(payload);
	bool fits = take_path(payload, path, sizeof path);
	fits = take_path(payload, target, sizeof target) && fits;
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the hard link");
	int from = open_parent(session, target, false, target_name);
	if (from < 0)
		return failure("open the folder of the target of");
	from = fcntl(from, F_DUPFD_CLOEXEC, 3);
	int folder = open_parent(session, path, true, name);
	struct outcome outcome = folder < 0 ? failure("open the folder of") : failure_of(EEXIST, "make the hard link");
	struct stat old, there;
	if (from >= 0 && folder >= 0 && fstatat(from, target_name, &old, AT_SYMLINK_NOFOLLOW) == 0 &&
	    fstatat(folder, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && old.st_dev == there.st_dev &&
	    old.st_ino == there.st_ino) {
		outcome = DONE;
		folder = -1;
	}
	for (int attempt = 0; attempt < MAKE_ATTEMPTS && folder >= 0; attempt++) {
		if (linkat(from, target_name, folder, name, 0) == 0) {
			outcome = DONE;
			break;
		}
		if (errno != EEXIST || make_room(session, &folder, path, name, policy, false) < 0) {
			outcome = failure("make the hard link");
			break;
		}
	}
	if (from >= 0)
		close(from);
	return outcome;
}

struct outcome make_node(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	uint8_t policy = take_u8(payload);
	struct metadata metadata = take_metadata(payload);
	uint32_t major = take_u32(payload), minor = take_u32(payload);
	bool fits = take_path(payload, path, sizeof path);
	struct cursor attributes = take_attributes(payload);
	mode_t kind = metadata.mode & S_IFMT;
	/* A 0:0 character device is overlayfs's whiteout; only WHITEOUT makes those. */
	bool forbidden = S_ISCHR(kind) && makedev(major, minor) == 0;
	if (payload->bad || forbidden || !(S_ISCHR(kind) || S_ISBLK(kind) || S_ISFIFO(kind)))
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the node");
	int folder = open_parent(session, path, true, name);
	if (folder < 0)
		return failure("open the folder of");
	for (int attempt = 0; attempt < MAKE_ATTEMPTS; attempt++) {
		if (mknodat(folder, name, kind | (metadata.mode & 07777), makedev(major, minor)) == 0) {
			struct outcome outcome = finish_at(folder, name, &metadata, attributes);
			if (!outcome.number)
				set_special_bits(folder, name, metadata.mode);
			return outcome;
		}
		if (errno != EEXIST || make_room(session, &folder, path, name, policy, false) < 0)
			return failure("make the node");
	}
	return failure_of(EEXIST, "make the node");
}

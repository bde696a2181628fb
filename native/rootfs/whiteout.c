#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "make.h"

#define OPAQUE "trusted.overlay.opaque"

static struct outcome mark_opaque(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return failure("open the directory");
	struct outcome outcome = fsetxattr(fd, OPAQUE, "y", 1, 0) < 0 ? failure("make opaque the directory") : DONE;
	close(fd);
	return outcome;
}

/*
 * Hides `path` of lower layers. What this layer itself has there stays (OCI image-spec layer.md,
 * "Whiteouts"): a directory hides by being opaque, anything else hides by being there.
 */
struct outcome make_whiteout(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make the whiteout");
	if (crosses_link(session, path))
		return failure_of(ELOOP, "make the whiteout");
	int folder = open_parent(session, path, true, name);
	if (folder < 0)
		return failure("open the folder of");
	if (mknodat(folder, name, S_IFCHR, makedev(0, 0)) == 0)
		return DONE;
	struct stat found;
	if (errno != EEXIST || fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("make the whiteout");
	return S_ISDIR(found.st_mode) ? mark_opaque(folder, name) : DONE;
}

struct outcome make_opaque(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "make opaque the directory");
	int folder = *path ? open_parent(session, path, true, name) : session->root;
	if (folder < 0)
		return failure("open the folder of");
	const char *last = *path ? name : ".";
	/* The marker may come before the directory that it is in. */
	if (mkdirat(folder, last, 0755) == 0) {
		struct answer note = answer_begin(&session->link, ROOTFS_NOTE, session->id);
		put_bytes(&note, path, __builtin_strlen(path));
		answer_end(&note);
	} else if (errno != EEXIST) {
		return failure("make the directory");
	}
	return mark_opaque(folder, last);
}

struct outcome remove_path(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "remove");
	int folder = open_parent(session, path, false, name);
	if (folder < 0)
		return failure("open the folder of");
	folder = fcntl(folder, F_DUPFD_CLOEXEC, 3);
	forget_parent(session);
	struct outcome outcome = folder < 0 || remove_tree(folder, name) < 0 ? failure("remove") : DONE;
	if (folder >= 0)
		close(folder);
	return outcome;
}

static bool is_gone(void)
{
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
}

/* Of anything but a directory: what is so already stays, as a change of owner takes away capabilities. */
static struct outcome change_other(int folder, const char *name, uint8_t parts, const struct metadata *metadata,
				   struct cursor attributes)
{
	struct stat found;
	if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("look at");
	bool owned = found.st_uid == metadata->uid && found.st_gid == metadata->gid;
	if ((parts & ROOTFS_OWNER) && !owned && fchownat(folder, name, metadata->uid, metadata->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("set the owner of");
	int fd = S_ISREG(found.st_mode) ? openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC) : -1;
	mode_t mode = metadata->mode & 07777;
	bool moded = owned && (found.st_mode & 07777) == mode;
	struct outcome outcome = DONE;
	if (S_ISREG(found.st_mode) && fd < 0)
		outcome = failure("open");
	else if (fd >= 0 && (parts & ROOTFS_MODE) && !moded && fchmod(fd, mode) < 0)
		outcome = failure("set the mode of");
	else if (fd >= 0 && (parts & ROOTFS_ATTRIBUTES) && set_attributes(fd, attributes) < 0)
		outcome = failure("set the attributes of");
	if (fd >= 0)
		close(fd);
	else if ((parts & ROOTFS_MODE) && !moded && !S_ISLNK(found.st_mode))
		(void)syscall(CALL_FCHMODAT2, folder, name, mode, AT_SYMLINK_NOFOLLOW);
	struct timespec times[2] = { metadata->modified, metadata->modified };
	/* A link keeps its time, as with Docker. */
	bool timed = (parts & ROOTFS_TIMES) && !S_ISLNK(found.st_mode);
	if (!outcome.number && timed && utimensat(folder, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		outcome = failure("set the time of");
	return outcome;
}

struct outcome change_metadata(struct session *session, struct cursor *payload)
{
	char path[PATH_MAX], name[NAME_MAX + 1];
	uint8_t parts = take_u8(payload);
	struct metadata metadata = take_metadata(payload);
	bool fits = take_path(payload, path, sizeof path);
	struct cursor attributes = take_attributes(payload);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "change");
	int folder = *path ? open_parent(session, path, false, name) : session->root;
	/* Times and default ACLs are set last: a directory that another member took the place of needs none any more. */
	bool may_be_gone = !(parts & (ROOTFS_OWNER | ROOTFS_MODE));
	if (folder < 0)
		return may_be_gone && is_gone() ? DONE : failure("open the folder of");
	int fd = openat(folder, *path ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && may_be_gone && is_gone())
		return DONE;
	if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
		return change_other(folder, name, parts, &metadata, attributes);
	if (fd < 0)
		return failure("open the directory");
	struct outcome outcome = DONE;
	struct timespec times[2] = { metadata.modified, metadata.modified };
	if ((parts & ROOTFS_OWNER) && fchown(fd, metadata.uid, metadata.gid) < 0)
		outcome = failure("set the owner of");
	else if ((parts & ROOTFS_MODE) && fchmod(fd, metadata.mode & 07777) < 0)
		outcome = failure("set the mode of");
	else if ((parts & ROOTFS_ATTRIBUTES) && set_attributes(fd, attributes) < 0)
		outcome = failure("set the attributes of");
	else if ((parts & ROOTFS_TIMES) && futimens(fd, times) < 0)
		outcome = failure("set the time of");
	close(fd);
	return outcome;
}

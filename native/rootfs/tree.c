#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "make.h"
#include "names.h"
#include "pack.h"

#define CONTENT_STEP (256u << 10)
#define LARGEST_MADE_UP (4u << 20)

/* Files with several names that were sent, as an open-addressed set. */
struct seen {
	struct inode {
		dev_t device;
		ino_t number;
	} *slots;
	size_t capacity, used;
};

struct walk {
	struct session *session;
	uint8_t flags;
	struct seen seen;
	struct pack pack;
	char path[PATH_MAX];
	size_t size;
};

static size_t slot_of(const struct seen *seen, dev_t device, ino_t number)
{
	size_t slot = (size_t)((number ^ device * 31) * 0x9e3779b97f4a7c15u) & (seen->capacity - 1);
	while (seen->slots[slot].number && (seen->slots[slot].number != number || seen->slots[slot].device != device))
		slot = (slot + 1) & (seen->capacity - 1);
	return slot;
}

static int grow(struct seen *seen)
{
	struct seen larger = { NULL, seen->capacity ? seen->capacity * 2 : 256, seen->used };
	larger.slots = calloc(larger.capacity, sizeof *larger.slots);
	if (!larger.slots)
		return -1;
	for (size_t index = 0; index < seen->capacity; index++)
		if (seen->slots[index].number)
			larger.slots[slot_of(&larger, seen->slots[index].device, seen->slots[index].number)] =
				seen->slots[index];
	free(seen->slots);
	*seen = larger;
	return 0;
}

/* Whether it was there before; without memory every name is sent as a file of its own. */
static bool meet(struct seen *seen, const struct stat *found)
{
	if (seen->used * 2 >= seen->capacity && grow(seen) < 0)
		return false;
	struct inode *slot = &seen->slots[slot_of(seen, found->st_dev, found->st_ino)];
	if (slot->number)
		return true;
	*slot = (struct inode){ found->st_dev, found->st_ino };
	seen->used++;
	return false;
}

/* Mounts whose content is the kernel's and not the workload's. */
static bool is_pseudo(int fd)
{
	struct statfs about;
	if (fstatfs(fd, &about) < 0)
		return true;
	switch ((unsigned long)about.f_type) {
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP_SUPER_MAGIC:
	case CGROUP2_SUPER_MAGIC:
	case DEVPTS_SUPER_MAGIC:
	case DEBUGFS_MAGIC:
	case TRACEFS_MAGIC:
	case SECURITYFS_MAGIC:
	case BPF_FS_MAGIC:
	case 0x19800202: /* mqueue */
		return true;
	default:
		return false;
	}
}

static int send_region(struct walk *walk, int fd, uint64_t offset, uint64_t end)
{
	while (offset < end) {
		size_t room = end - offset < CONTENT_STEP ? (size_t)(end - offset) : CONTENT_STEP;
		struct answer answer = answer_begin(&walk->session->link, ROOTFS_CONTENT, walk->session->id);
		put_u64(&answer, offset);
		uint8_t *space = put_space(&answer, room);
		ssize_t got = space ? pread(fd, space, room, (off_t)offset) : -1;
		put_unused(&answer, room - (size_t)(got > 0 ? got : 0));
		answer_end(&answer);
		if (walk->session->link.broken)
			return -1;
		/* Shrunk or unreadable: the rest reads as zeros, the header has gone out already. */
		if (got <= 0)
			return got < 0 ? -1 : 0;
		offset += (uint64_t)got;
	}
	return 0;
}

static int send_content(struct walk *walk, int fd, uint64_t size)
{
	uint64_t offset = 0;
	while (offset < size) {
		off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			return 0;
		off_t hole = data < 0 ? (off_t)size : lseek(fd, data, SEEK_HOLE);
		if (data < 0)
			data = (off_t)offset;
		if (hole < 0 || (uint64_t)hole > size)
			hole = (off_t)size;
		if (hole <= data)
			return 0;
		if (send_region(walk, fd, (uint64_t)data, (uint64_t)hole) < 0)
			return -1;
		offset = (uint64_t)hole;
	}
	return 0;
}

static void send_entry(struct walk *walk, int folder, const char *name, int fd, const struct stat *found, bool seen)
{
	char target[PATH_MAX] = "";
	if (S_ISLNK(found->st_mode)) {
		ssize_t size = readlinkat(folder, name, target, sizeof target - 1);
		target[size > 0 ? size : 0] = 0;
	}
	pack_end(&walk->pack);
	struct answer answer = answer_begin(&walk->session->link, ROOTFS_ENTRY, walk->session->id);
	put_entry(&answer, seen ? ROOTFS_SEEN : 0, found, walk->path, target);
	put_attributes(&answer, fd, folder, name, walk->flags & ROOTFS_WITH_OVERLAY ? ATTRIBUTES_OVERLAY : ATTRIBUTES_PLAIN);
	put_changed(&answer, found);
	answer_end(&answer);
}

/* A mount point inside the tree, below which `walk` does not go. */
static bool is_left_out(const struct walk *walk, const struct stat *found, dev_t device)
{
	return (walk->flags & ROOTFS_ONE_DEVICE) && device && found->st_dev != device;
}

/* What the kernel makes up when it is read has no size before: it is read first, up to a limit. */
static struct outcome send_made_up(struct walk *walk, int folder, const char *name, int fd, struct stat *found)
{
	uint8_t *content = malloc(LARGEST_MADE_UP);
	if (!content)
		return failure_of(ENOMEM, "read");
	ssize_t got = 1;
	size_t size = 0;
	while ((walk->flags & ROOTFS_WITH_CONTENT) && got > 0 && size < LARGEST_MADE_UP) {
		got = read(fd, content + size, LARGEST_MADE_UP - size);
		size += got > 0 ? (size_t)got : 0;
	}
	struct outcome outcome = DONE;
	if (got < 0 && !size) {
		outcome = failure("read");
	} else {
		found->st_size = (off_t)size;
		send_entry(walk, folder, name, fd, found, false);
		for (size_t at = 0; at < size; at += CONTENT_STEP) {
			struct answer answer = answer_begin(&walk->session->link, ROOTFS_CONTENT, walk->session->id);
			size_t room = size - at < CONTENT_STEP ? size - at : CONTENT_STEP;
			put_u64(&answer, at);
			uint8_t *space = put_space(&answer, room);
			if (space)
				memcpy(space, content + at, room);
			answer_end(&answer);
		}
	}
	free(content);
	return outcome;
}

static struct outcome send_file(struct walk *walk, int folder, const char *name, struct stat *found, dev_t device)
{
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? DONE : failure("read");
	struct outcome outcome = DONE;
	if (!device && is_pseudo(fd)) {
		outcome = send_made_up(walk, folder, name, fd, found);
	} else if (fstat(fd, found) == 0 && S_ISREG(found->st_mode)) {
		if ((walk->flags & ROOTFS_WITH_PACKED) && device == found->st_dev &&
		    pack_file(&walk->pack, walk->session, walk->path, fd, found)) {
			close(fd);
			return DONE;
		}
		bool seen = found->st_nlink > 1 && meet(&walk->seen, found);
		send_entry(walk, folder, name, fd, found, seen);
		if ((walk->flags & ROOTFS_WITH_CONTENT) && !seen && !is_left_out(walk, found, device) &&
		    send_content(walk, fd, (uint64_t)found->st_size) < 0)
			outcome = failure("read");
	}
	close(fd);
	return outcome;
}

static struct outcome send_one(struct walk *walk, int folder, const char *name, dev_t device);

static struct outcome send_child(struct walk *walk, int folder, size_t before, const char *name, dev_t device)
{
	size_t length = strlen(name);
	if (before + 1 + length >= sizeof walk->path)
		return failure_of(ENAMETOOLONG, "list");
	if (before)
		walk->path[walk->size++] = '/';
	memcpy(walk->path + walk->size, name, length + 1);
	walk->size += length;
	struct outcome outcome = send_one(walk, folder, name, device);
	/* After a failure the path stays, to say where it was. */
	if (!outcome.number) {
		walk->size = before;
		walk->path[before] = 0;
	}
	return outcome;
}

/* Children in the order of their names' bytes: the same tree is told the same on every file system. */
static struct outcome send_folder(struct walk *walk, int fd, dev_t device)
{
	DIR *listing = fdopendir(fd);
	if (!listing) {
		close(fd);
		return failure_of(ENOMEM, "list");
	}
	struct names names = { 0 };
	struct outcome outcome = names_read(&names, listing) < 0 ? failure("list") : DONE;
	size_t before = walk->size;
	for (size_t index = 0; !outcome.number && index < names.count && !walk->session->link.broken; index++)
		outcome = send_child(walk, dirfd(listing), before, names.sorted[index], device);
	/* What is packed together is of one folder. */
	pack_end(&walk->pack);
	names_free(&names);
	closedir(listing);
	return outcome;
}

static struct outcome send_one(struct walk *walk, int folder, const char *name, dev_t device)
{
	struct stat found;
	if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? DONE : failure("look at");
	if (S_ISREG(found.st_mode))
		return send_file(walk, folder, name, &found, device);
	if (!S_ISDIR(found.st_mode)) {
		/* A socket has no place in an archive, as in Docker's. */
		if (S_ISSOCK(found.st_mode))
			return DONE;
		/* An overlay's whiteouts are names of one device; each hides something of its own. */
		bool may_have_names = found.st_nlink > 1 && !(S_ISCHR(found.st_mode) && found.st_rdev == 0);
		send_entry(walk, folder, name, -1, &found, may_have_names && meet(&walk->seen, &found));
		return DONE;
	}
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? DONE : failure("open");
	if (fstat(fd, &found) < 0) {
		close(fd);
		return failure("look at");
	}
	send_entry(walk, folder, name, fd, &found, false);
	if ((walk->flags & ROOTFS_SHALLOW) && walk->size) {
		close(fd);
		return DONE;
	}
	/* What is below changes as it is read: as in Docker's view of a root, it is empty. */
	bool leads_out = !device || found.st_dev != device;
	if (leads_out && (is_left_out(walk, &found, device) || is_pseudo(fd))) {
		close(fd);
		return DONE;
	}
	return send_folder(walk, fd, found.st_dev);
}

/* Everything at and below `path`, parents before children, links not followed; paths relative to `path`. */
struct outcome send_tree(struct session *session, struct cursor *payload)
{
	struct walk walk = { .session = session };
	char path[PATH_MAX], name[NAME_MAX + 1];
	walk.flags = take_u8(payload);
	bool fits = take_path(payload, path, sizeof path);
	if (payload->bad)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "list");
	int folder = *path ? open_parent(session, path, false, name) : session->root;
	if (folder < 0 && errno == EINVAL) {
		folder = open_in_root(session, path, O_PATH | O_DIRECTORY);
		if (folder >= 0) {
			forget_parent(session);
			session->parent = folder;
			session->parent_path[0] = '/';
			session->parent_path[1] = 0;
			name[0] = '.';
			name[1] = 0;
		}
	}
	if (folder < 0)
		return failure("open the folder of");
	const char *last = *path ? name : ".";
	struct stat found;
	if (fstatat(folder, last, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return failure("look at");
	struct outcome outcome = send_one(&walk, folder, last, 0);
	free(walk.seen.slots);
	if (outcome.number)
		return outcome;
	struct answer answer = answer_begin(&session->link, ROOTFS_OK, session->id);
	answer_end(&answer);
	return DONE;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "make.h"
#include "names.h"

/* Files up to this size are made in one go. */
#define SMALL_FILE (256u << 10)

/* A file with several names, and where its first was made. */
struct first {
	dev_t device;
	ino_t inode;
	char *path;
};

struct copying {
	struct session *session;
	/* Where payloads are put together for the operations that make things: what they check, they check here, too. */
	struct link scratch;
	uint8_t *content;
	struct first *firsts;
	size_t first_count, first_capacity;
	uint8_t policy, parts;
	uint32_t uid, gid;
	int64_t latest;
	char path[PATH_MAX];
	size_t size;
	/* Not on the stack, which a deep tree needs. */
	char target[PATH_MAX];
};

static struct answer begin(struct copying *copying)
{
	copying->scratch.output_size = 0;
	return answer_begin(&copying->scratch, 0, 0);
}

static struct cursor payload_of(const struct copying *copying)
{
	return (struct cursor){ copying->scratch.output + ROOTFS_HEADER, copying->scratch.output_size - ROOTFS_HEADER,
				copying->scratch.broken };
}

static void put_path(struct answer *answer, const char *path)
{
	put_bytes(answer, path, strlen(path));
}

static void put_metadata(struct answer *answer, const struct copying *copying, const struct stat *found)
{
	bool owned = copying->parts & ROOTFS_OWNER;
	bool late = (copying->parts & ROOTFS_TIMES) && found->st_mtim.tv_sec >= copying->latest;
	put_u32(answer, found->st_mode);
	put_u32(answer, owned ? copying->uid : found->st_uid);
	put_u32(answer, owned ? copying->gid : found->st_gid);
	put_u64(answer, (uint64_t)(late ? copying->latest : found->st_mtim.tv_sec));
	put_u32(answer, late ? 0 : (uint32_t)found->st_mtim.tv_nsec);
}

static size_t slot_of(const struct copying *copying, const struct stat *found)
{
	size_t mask = copying->first_capacity - 1;
	size_t slot = (size_t)((found->st_ino ^ found->st_dev * 31) * 0x9e3779b97f4a7c15u) & mask;
	const struct first *firsts = copying->firsts;
	while (firsts[slot].path && (firsts[slot].inode != found->st_ino || firsts[slot].device != found->st_dev))
		slot = (slot + 1) & mask;
	return slot;
}

static int grow(struct copying *copying)
{
	struct first *before = copying->firsts;
	size_t capacity = copying->first_capacity;
	struct first *larger = calloc(capacity ? capacity * 2 : 256, sizeof *larger);
	if (!larger)
		return -1;
	copying->firsts = larger;
	copying->first_capacity = capacity ? capacity * 2 : 256;
	for (size_t index = 0; index < capacity; index++) {
		struct stat found = { .st_dev = before[index].device, .st_ino = before[index].inode };
		if (before[index].path)
			larger[slot_of(copying, &found)] = before[index];
	}
	free(before);
	return 0;
}

/* Where another name of the file was made, or NULL. Without memory every name becomes a file of its own. */
static const char *first_of(struct copying *copying, const struct stat *found)
{
	if (copying->first_count * 2 >= copying->first_capacity && grow(copying) < 0)
		return NULL;
	struct first *first = &copying->firsts[slot_of(copying, found)];
	if (first->path)
		return first->path;
	*first = (struct first){ found->st_dev, found->st_ino, strdup(copying->path) };
	copying->first_count += first->path != NULL;
	return NULL;
}

static struct outcome cannot_read(struct copying *copying)
{
	int number = errno;
	memcpy(copying->session->subject, copying->path, copying->size + 1);
	return failure_of(number, "read the source of");
}

static struct outcome copy_small(struct copying *copying, int fd, const struct stat *found)
{
	size_t size = 0;
	ssize_t got = 1;
	while (size < (size_t)found->st_size && got > 0) {
		got = pread(fd, copying->content + size, (size_t)found->st_size - size, (off_t)size);
		size += got > 0 ? (size_t)got : 0;
	}
	if (got < 0)
		return cannot_read(copying);
	struct answer answer = begin(copying);
	put_u8(&answer, copying->policy);
	put_u8(&answer, 0);
	put_metadata(&answer, copying, found);
	put_u64(&answer, size);
	put_path(&answer, copying->path);
	put_attributes(&answer, fd, -1, NULL, ATTRIBUTES_PLAIN);
	put_bytes(&answer, copying->content, size);
	struct cursor payload = payload_of(copying);
	return make_file(copying->session, &payload);
}

static struct outcome copy_region(struct copying *copying, int fd, uint64_t offset, uint64_t end)
{
	struct outcome outcome = DONE;
	while (!outcome.number && offset < end) {
		size_t room = end - offset < SMALL_FILE ? (size_t)(end - offset) : SMALL_FILE;
		struct answer answer = begin(copying);
		put_u64(&answer, offset);
		uint8_t *space = put_space(&answer, room);
		ssize_t got = space ? pread(fd, space, room, (off_t)offset) : -1;
		if (got < 0)
			return cannot_read(copying);
		/* It has become shorter: the rest is a hole. */
		if (got == 0)
			break;
		put_unused(&answer, room - (size_t)got);
		struct cursor payload = payload_of(copying);
		outcome = write_data(copying->session, &payload);
		offset += (uint64_t)got;
	}
	return outcome;
}

static struct outcome copy_large(struct copying *copying, int fd, const struct stat *found)
{
	uint64_t size = (uint64_t)found->st_size;
	struct answer answer = begin(copying);
	put_u8(&answer, copying->policy);
	put_u8(&answer, ROOTFS_MORE);
	put_metadata(&answer, copying, found);
	put_u64(&answer, size);
	put_path(&answer, copying->path);
	put_u32(&answer, 0);
	put_bytes(&answer, "", 0);
	struct cursor payload = payload_of(copying);
	struct outcome outcome = make_file(copying->session, &payload);
	for (uint64_t offset = 0; !outcome.number && offset < size;) {
		off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		off_t hole = data < 0 ? (off_t)size : lseek(fd, data, SEEK_HOLE);
		uint64_t start = data < 0 ? offset : (uint64_t)data;
		uint64_t end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;
		if (end <= start)
			break;
		outcome = copy_region(copying, fd, start, end);
		offset = end;
	}
	if (outcome.number)
		return outcome;
	answer = begin(copying);
	put_metadata(&answer, copying, found);
	put_attributes(&answer, fd, -1, NULL, ATTRIBUTES_PLAIN);
	payload = payload_of(copying);
	return end_file(copying->session, &payload);
}

static struct outcome copy_hardlink(struct copying *copying, const char *first)
{
	struct answer answer = begin(copying);
	put_u8(&answer, copying->policy);
	put_path(&answer, copying->path);
	put_path(&answer, first);
	struct cursor payload = payload_of(copying);
	return make_hardlink(copying->session, &payload);
}

static struct outcome copy_file(struct copying *copying, int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ELOOP || errno == ENXIO ? DONE : cannot_read(copying);
	struct outcome outcome = DONE;
	struct stat found;
	if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode)) {
		const char *first = found.st_nlink > 1 ? first_of(copying, &found) : NULL;
		/* What is not written of a file with holes stays a hole. */
		bool small = found.st_size <= (off_t)SMALL_FILE && found.st_blocks * 512 >= found.st_size;
		outcome = first ? copy_hardlink(copying, first)
			: small ? copy_small(copying, fd, &found)
				: copy_large(copying, fd, &found);
	}
	close(fd);
	return outcome;
}

static struct outcome copy_other(struct copying *copying, int folder, const char *name, const struct stat *found)
{
	struct answer answer = begin(copying);
	put_u8(&answer, copying->policy);
	put_metadata(&answer, copying, found);
	if (S_ISLNK(found->st_mode)) {
		ssize_t size = readlinkat(folder, name, copying->target, sizeof copying->target - 1);
		if (size < 0)
			return errno == ENOENT || errno == EINVAL ? DONE : cannot_read(copying);
		put_path(&answer, copying->path);
		put_bytes(&answer, copying->target, (size_t)size);
	} else {
		put_u32(&answer, major(found->st_rdev));
		put_u32(&answer, minor(found->st_rdev));
		put_path(&answer, copying->path);
	}
	put_attributes(&answer, -1, folder, name, ATTRIBUTES_PLAIN);
	struct cursor payload = payload_of(copying);
	return S_ISLNK(found->st_mode) ? make_symlink(copying->session, &payload)
				       : make_node(copying->session, &payload);
}

static struct outcome copy_content(struct copying *copying, DIR *listing);

/* Times come last, since what is made in a folder changes its own; so do default ACLs, which that would inherit. */
static struct outcome copy_folder(struct copying *copying, DIR *listing, const struct stat *found)
{
	struct answer answer = begin(copying);
	put_u8(&answer, copying->policy);
	put_metadata(&answer, copying, found);
	put_path(&answer, copying->path);
	put_attributes(&answer, dirfd(listing), -1, NULL, ATTRIBUTES_OWN);
	struct cursor payload = payload_of(copying);
	struct outcome outcome = make_directory(copying->session, &payload);
	if (!outcome.number)
		outcome = copy_content(copying, listing);
	if (outcome.number)
		return outcome;
	answer = begin(copying);
	put_u8(&answer, ROOTFS_TIMES | ROOTFS_ATTRIBUTES);
	put_metadata(&answer, copying, found);
	put_path(&answer, copying->path);
	put_attributes(&answer, dirfd(listing), -1, NULL, ATTRIBUTES_INHERITED);
	payload = payload_of(copying);
	return change_metadata(copying->session, &payload);
}

/* NULL with errno; the descriptor is closed then. */
static DIR *open_listing(int fd)
{
	DIR *listing = fdopendir(fd);
	int number = errno;
	if (!listing)
		close(fd);
	errno = number;
	return listing;
}

static struct outcome copy_one(struct copying *copying, int folder, const char *name)
{
	struct stat found;
	if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? DONE : cannot_read(copying);
	if (S_ISREG(found.st_mode))
		return copy_file(copying, folder, name);
	if (!S_ISDIR(found.st_mode))
		return S_ISSOCK(found.st_mode) ? DONE : copy_other(copying, folder, name, &found);
	int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? DONE : cannot_read(copying);
	DIR *listing = open_listing(fd);
	if (!listing)
		return cannot_read(copying);
	struct outcome outcome = fstat(fd, &found) < 0 ? cannot_read(copying) : copy_folder(copying, listing, &found);
	closedir(listing);
	return outcome;
}

/* What is in a folder, in the order of names, into the one at the path so far. */
static struct outcome copy_content(struct copying *copying, DIR *listing)
{
	struct names names = { 0 };
	struct outcome outcome = names_read(&names, listing) < 0 ? cannot_read(copying) : DONE;
	size_t before = copying->size;
	for (size_t index = 0; !outcome.number && index < names.count; index++) {
		size_t length = strlen(names.sorted[index]);
		if (before + 1 + length >= sizeof copying->path) {
			outcome = failure_of(ENAMETOOLONG, "copy");
			break;
		}
		if (before)
			copying->path[copying->size++] = '/';
		memcpy(copying->path + copying->size, names.sorted[index], length + 1);
		copying->size += length;
		outcome = copy_one(copying, dirfd(listing), names.sorted[index]);
		copying->size = before;
		copying->path[before] = 0;
	}
	names_free(&names);
	return outcome;
}

/* All that is in a folder of the tree beside, into a folder that is there; links are not followed. */
struct outcome copy_tree(struct session *session, struct cursor *payload)
{
	struct copying copying = { .session = session };
	struct session beside = { .root = session->beside };
	char from[PATH_MAX];
	copying.policy = take_u8(payload);
	copying.parts = take_u8(payload);
	copying.uid = take_u32(payload);
	copying.gid = take_u32(payload);
	copying.latest = (int64_t)take_u64(payload);
	bool fits = take_path(payload, from, sizeof from);
	fits = take_path(payload, copying.path, sizeof copying.path) && fits;
	if (payload->bad || session->beside < 0)
		return malformed(session);
	if (!fits)
		return failure_of(ENAMETOOLONG, "copy");
	copying.size = strlen(copying.path);
	int fd = open_in_root(&beside, from, O_RDONLY | O_DIRECTORY);
	DIR *listing = fd < 0 ? NULL : open_listing(fd);
	if (!listing)
		return cannot_read(&copying);
	copying.content = malloc(SMALL_FILE);
	struct outcome outcome = !copying.content || link_open(&copying.scratch, -1, -1) < 0
					 ? failure_of(ENOMEM, "copy")
					 : copy_content(&copying, listing);
	for (size_t index = 0; index < copying.first_capacity; index++)
		free(copying.firsts[index].path);
	free(copying.firsts);
	free(copying.content);
	link_close(&copying.scratch);
	closedir(listing);
	return outcome;
}

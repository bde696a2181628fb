#include "pack.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 512u
#define LARGEST_PACKED (64u << 10)
#define PACK_SIZE (256u << 10)
#define NAME_SIZE 100u
#define LARGEST_ID 07777777u
#define LARGEST_SECONDS 077777777777

static size_t padded(size_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* `length` digits and a NUL. */
static void put_octal(uint8_t *field, int length, uint64_t value)
{
	field[length] = 0;
	while (length-- > 0) {
		field[length] = (uint8_t)('0' + (value & 7));
		value >>= 3;
	}
}

/* As src/kit/tar/writer.ts writes it, byte for byte: the same layer has one digest however it is packed. */
static void put_header(uint8_t *block, char type, const char *name, const struct stat *about)
{
	memset(block, 0, BLOCK);
	memcpy(block, name, strlen(name));
	put_octal(block + 100, 7, about->st_mode & 07777);
	put_octal(block + 108, 7, about->st_uid);
	put_octal(block + 116, 7, about->st_gid);
	put_octal(block + 124, 11, (uint64_t)about->st_size);
	put_octal(block + 136, 11, (uint64_t)about->st_mtim.tv_sec);
	block[156] = (uint8_t)type;
	memcpy(block + 257, "ustar\00000", 8);
	put_octal(block + 329, 7, 0);
	put_octal(block + 337, 7, 0);
	memset(block + 148, ' ', 8);
	uint64_t sum = 0;
	for (size_t index = 0; index < BLOCK; index++)
		sum += block[index];
	put_octal(block + 148, 6, sum);
}

/* Times between seconds are a PAX header's, which stands before. */
static size_t put_time(uint8_t *blocks, const struct timespec *time)
{
	if (!time->tv_nsec)
		return 0;
	char record[64];
	int size = snprintf(NULL, 0, " mtime=%lld.%09ld\n", (long long)time->tv_sec, time->tv_nsec);
	/* The length counts its own digits, of which there are two. */
	snprintf(record, sizeof record, "%d mtime=%lld.%09ld\n", size + 2, (long long)time->tv_sec, time->tv_nsec);
	struct stat about = { .st_mode = 0644, .st_size = size + 2 };
	put_header(blocks, 'x', "PaxHeaders.0/entry", &about);
	memset(blocks + BLOCK, 0, BLOCK);
	memcpy(blocks + BLOCK, record, (size_t)size + 2);
	return 2 * (size_t)BLOCK;
}

static bool fits(const char *path, int fd, const struct stat *found)
{
	bool plain = found->st_nlink == 1 && found->st_size > 0 && found->st_size <= (off_t)LARGEST_PACKED &&
		     found->st_blocks * 512 >= found->st_size && found->st_rdev == 0 &&
		     found->st_uid <= LARGEST_ID && found->st_gid <= LARGEST_ID && found->st_mtim.tv_sec >= 0 &&
		     found->st_mtim.tv_sec <= LARGEST_SECONDS && *path && strlen(path) <= NAME_SIZE;
	return plain && !has_attributes(fd);
}

static void begin(struct pack *pack, struct session *session, const char *path)
{
	*pack = (struct pack){ .answer = answer_begin(&session->link, ROOTFS_PACKED, session->id), .open = true };
	pack->start = session->link.output_size;
	put_u32(&pack->answer, 0);
	put_u64(&pack->answer, 0);
	put_bytes(&pack->answer, path, strlen(path));
}

bool pack_file(struct pack *pack, struct session *session, const char *path, int fd, const struct stat *found)
{
	if (!fits(path, fd, found))
		return false;
	if (!pack->open)
		begin(pack, session, path);
	size_t size = (size_t)found->st_size, before = session->link.output_size;
	uint8_t *space = put_space(&pack->answer, 3 * BLOCK + padded(size));
	if (!space)
		return false;
	size_t headers = put_time(space, &found->st_mtim) + BLOCK;
	put_header(space + headers - BLOCK, '0', path, found);
	/* One that changes as it is read is told as such files are. */
	if (pread(fd, space + headers, size, 0) != (ssize_t)size) {
		put_unused(&pack->answer, session->link.output_size - before);
		return false;
	}
	memset(space + headers + size, 0, padded(size) - size);
	put_unused(&pack->answer, 3 * BLOCK - headers);
	pack->count++;
	pack->size += size;
	if (session->link.output_size - pack->start > PACK_SIZE)
		pack_end(pack);
	return true;
}

void pack_end(struct pack *pack)
{
	if (!pack->open)
		return;
	struct link *link = pack->answer.link;
	pack->open = false;
	if (link->broken)
		return;
	if (!pack->count) {
		link->output_size = pack->answer.start;
		return;
	}
	set_u32(link->output + pack->start, pack->count);
	set_u32(link->output + pack->start + 4, (uint32_t)pack->size);
	set_u32(link->output + pack->start + 8, (uint32_t)(pack->size >> 32));
	answer_end(&pack->answer);
}

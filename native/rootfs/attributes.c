#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <linux/limits.h>

#include "session.h"

#define MAX_ATTRIBUTES 512
#define LIST_SIZE (64u << 10)

static bool starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/*
 * What an archive may set or give. Not overlayfs's own marks, which would redirect look-ups to other
 * layers, and not the host's labels.
 */
static bool allowed(const char *name)
{
	if (starts(name, "user."))
		return !starts(name, "user.overlay.");
	return !strcmp(name, "security.capability") || !strcmp(name, "system.posix_acl_access") ||
	       !strcmp(name, "system.posix_acl_default");
}

/* Next pair that may be set. False at the end. */
static bool next_attribute(struct cursor *cursor, uint32_t *count, char name[XATTR_NAME_MAX + 1], struct bytes *value)
{
	while (*count > 0 && !cursor->bad) {
		(*count)--;
		bool fits = take_path(cursor, name, XATTR_NAME_MAX + 1);
		*value = take_bytes(cursor);
		if (fits && !cursor->bad && allowed(name))
			return true;
	}
	return false;
}

static bool matters(int result)
{
	/* File systems without attributes, as Docker: the file is still good. */
	return result < 0 && errno != ENOTSUP;
}

int set_attributes(int fd, struct cursor attributes)
{
	char name[XATTR_NAME_MAX + 1];
	struct bytes value;
	uint32_t count = take_u32(&attributes);
	while (next_attribute(&attributes, &count, name, &value))
		if (matters(fsetxattr(fd, name, value.data, value.size, 0)))
			return -1;
	return 0;
}

int set_attributes_at(int folder, const char *name, struct cursor attributes)
{
	char key[XATTR_NAME_MAX + 1];
	struct bytes value;
	uint32_t count = take_u32(&attributes);
	if (count == 0)
		return 0;
	/* There is no call that takes a folder and a name; the working directory is this process's own. */
	if (fchdir(folder) < 0)
		return -1;
	while (next_attribute(&attributes, &count, key, &value))
		/* Links and nodes refuse user attributes with EPERM. */
		if (matters(lsetxattr(name, key, value.data, value.size, 0)) && errno != EPERM)
			return -1;
	return 0;
}

static ssize_t list_names(int fd, const char *name, char *list)
{
	return fd >= 0 ? flistxattr(fd, list, LIST_SIZE) : llistxattr(name, list, LIST_SIZE);
}

static ssize_t get_value(int fd, const char *name, const char *key, void *value, size_t size)
{
	return fd >= 0 ? fgetxattr(fd, key, value, size) : lgetxattr(name, key, value, size);
}

static bool told(const char *key, enum attribute_kinds kinds)
{
	if (kinds == ATTRIBUTES_OVERLAY && starts(key, "trusted.overlay."))
		return true;
	bool inherited = !strcmp(key, "system.posix_acl_default");
	return allowed(key) && (kinds != ATTRIBUTES_OWN || !inherited) && (kinds != ATTRIBUTES_INHERITED || inherited);
}

bool has_attributes(int fd)
{
	static char list[LIST_SIZE];
	ssize_t size = list_names(fd, NULL, list);
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
		if (told(list + at, ATTRIBUTES_OVERLAY))
			return true;
	return size < 0 && errno != ENOTSUP;
}

void put_attributes(struct answer *answer, int fd, int folder, const char *name, enum attribute_kinds kinds)
{
	uint32_t count = 0;
	uint8_t *place = put_space(answer, 4);
	if (!place)
		return;
	/* A process serves one tree, one operation at a time. */
	static char list[LIST_SIZE], value[LIST_SIZE];
	ssize_t size = -1;
	if (fd >= 0 || fchdir(folder) == 0)
		size = list_names(fd, name, list);
	size_t sent = 0;
	for (ssize_t at = 0; at < size && count < MAX_ATTRIBUTES; at += (ssize_t)strlen(list + at) + 1) {
		const char *key = list + at;
		if (!told(key, kinds))
			continue;
		ssize_t got = get_value(fd, name, key, value, LIST_SIZE);
		if (got < 0 || sent + (size_t)got > ROOTFS_MAX_PAYLOAD / 2)
			continue;
		put_bytes(answer, key, strlen(key));
		put_bytes(answer, value, (size_t)got);
		sent += (size_t)got;
		count++;
	}
	for (int index = 0; index < 4; index++)
		place[index] = (uint8_t)(count >> (8 * index));
}

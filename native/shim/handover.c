#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "console.h"
#include "protocol.h"
#include "tap.h"

typedef int (*opener)(const char *name, struct failure *failure);

/* The daemon connects by a path in a folder of root's own: QEMU cannot put anything else in its place. */
static int open_listener(const char *path, struct failure *failure)
{
	int fd = unix_listen(path, 4);
	return fd < 0 ? fail(failure, "SOCKET_FAILED", errno, "cannot listen at %s", path) : fd;
}

static int open_file(const char *path, struct failure *failure)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? fail(failure, "FILE_FAILED", errno, "cannot open %s", path) : fd;
}

static int hand_each(struct jail *jail, struct span fields, uint16_t tag, uint16_t name_tag, opener open_one,
		     struct failure *failure)
{
	struct span value;
	for (struct span rest = fields; field_each(&rest, tag, &value);) {
		char *name = field_text(value, name_tag);
		int fd = name == NULL ? fail_as(failure, "invalid", "CONFIGURE_INVALID", 0, "a descriptor needs a name")
				      : open_one(name, failure);
		free(name);
		if (fd < 0 || jail_descriptor(jail, fd, (int)field_number(value, TAG_FD, 0), failure) < 0)
			return -1;
	}
	return 0;
}

int handover(struct jail *jail, struct span fields, struct failure *failure)
{
	return hand_each(jail, fields, TAG_TAP, TAG_DEVICE, tap_open, failure) < 0 ||
			       hand_each(jail, fields, TAG_LISTENER, TAG_SOURCE, open_listener, failure) < 0 ||
			       hand_each(jail, fields, TAG_HANDED_FILE, TAG_SOURCE, open_file, failure) < 0
		       ? -1
		       : 0;
}

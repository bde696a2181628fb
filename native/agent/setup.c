#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent.h"
#include "clock.h"
#include "netsetup.h"

enum { DISK_DEADLINE = 20000, CARD_DEADLINE = 20000, RETRY_EVERY = 50 };

static const char disk_path[] = "/dev/vda";

static uint64_t disk_size(void)
{
	uint64_t size = 0;
	int fd = open(disk_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) < 0)
		size = 0;
	close(fd);
	return size;
}

/* Waits for the next event of the kernel's, or a little while. */
static void await_event(void)
{
	static char event[4096];
	struct pollfd waiting = {.fd = agent.uevents, .events = POLLIN};
	poll(&waiting, 1, RETRY_EVERY);
	while (recv(agent.uevents, event, sizeof event, MSG_DONTWAIT) > 0)
		;
}

/* The host swaps the disk and announces its size; the kernel then sends an event. */
static int await_disk(uint64_t size, struct failure *failure)
{
	int64_t deadline = milliseconds_now() + DISK_DEADLINE;
	while (disk_size() != size) {
		if (milliseconds_now() > deadline)
			return fail_as(failure, "unavailable", "DISK_MISSING", 0,
				       "the root disk has %llu bytes instead of %llu", (unsigned long long)disk_size(),
				       (unsigned long long)size);
		await_event();
	}
	return 0;
}

static bool is_known(const char *type)
{
	static const char *const known[] = {"ext4", "erofs", "xfs", "btrfs"};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (strcmp(type, known[i]) == 0)
			return true;
	return false;
}

static int mount_root(struct span disk, struct failure *failure)
{
	char *type = field_text(disk, TAG_FILE_SYSTEM);
	int result = -1;
	if (agent.test_root != NULL) {
		result = mount(agent.test_root, AGENT_ROOT, NULL, MS_BIND | MS_REC, NULL);
	} else if (type == NULL || !is_known(type)) {
		free(type);
		return fail_as(failure, "unsupported", "FILE_SYSTEM", 0, "the guest has no such file system");
	} else if (await_disk(field_number(disk, TAG_SIZE, 0), failure) < 0) {
		free(type);
		return -1;
	} else if (field_number(disk, TAG_READONLY, 0) == 1) {
		/* Of somebody else's disk nothing runs and nothing is opened as a device. */
		char *option = field_text(disk, TAG_OPTION);
		result = mount(disk_path, AGENT_ROOT, type, MS_NOATIME | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
			       option);
		free(option);
	} else {
		bool readonly = strcmp(type, "erofs") == 0;
		result = mount(disk_path, AGENT_ROOT, type, MS_NOATIME | (readonly ? MS_RDONLY : 0),
			       strcmp(type, "ext4") == 0 ? "noinit_itable" : NULL);
	}
	int number = errno;
	free(type);
	if (result == 0)
		return 0;
	/* The C library has no words for this one. */
	if (number == EUCLEAN)
		return fail(failure, "ROOT_MOUNT", 0, "cannot mount the root disk: its structure needs cleaning");
	return fail(failure, "ROOT_MOUNT", number, "cannot mount the root disk");
}

static int write_file(const char *path, struct span content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	ssize_t written = content.size == 0 ? 0 : write(fd, content.data, content.size);
	close(fd);
	return written == (ssize_t)content.size ? 0 : -1;
}

/* Files that are laid over the image's, numbered in the order of the message. */
static int write_files(struct span fields, struct failure *failure)
{
	struct span file, content;
	int number = 0;
	for (struct span rest = fields; field_each(&rest, TAG_FILE, &file); number++) {
		char path[64];
		snprintf(path, sizeof path, AGENT_FILES "/%d", number);
		if (!field_find(file, TAG_CONTENT, &content))
			content = (struct span){0};
		if (write_file(path, content) < 0)
			return fail(failure, "FILE_FAILED", errno, "cannot write a file of the setup");
	}
	return 0;
}

static int mount_shares(struct span fields, struct failure *failure)
{
	struct span group;
	for (struct span rest = fields; field_each(&rest, TAG_GUEST_MOUNT, &group);) {
		char *type = field_text(group, TAG_TYPE);
		bool share = type != NULL && strcmp(type, "share") == 0;
		free(type);
		if (!share)
			continue;
		if (mount("duet", AGENT_SHARES, "9p", 0,
			  "trans=virtio,version=9p2000.L,access=client,msize=262144,cache=mmap") < 0)
			return fail(failure, "SHARE_FAILED", errno, "cannot mount the host's shares");
		return 0;
	}
	return 0;
}

/* 0 is no limit. */
static int write_limit(const char *path, uint64_t value)
{
	char text[32] = "max";
	int size = value == 0 ? 3 : snprintf(text, sizeof text, "%llu", (unsigned long long)value);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return value == 0 ? 0 : -1; /* a kernel without this controller limits nothing */
	ssize_t written = write(fd, text, (size_t)size);
	close(fd);
	return written == size ? 0 : -1;
}

int setup_limit(struct span fields, struct failure *failure)
{
	if (!agent.guest)
		return 0;
	if (write_limit(AGENT_CGROUP "/pids.max", field_number(fields, TAG_PIDS_LIMIT, 0)) < 0)
		return fail(failure, "LIMIT_FAILED", errno, "cannot limit the guest's processes");
	if (write_limit(AGENT_CGROUP "/memory.max", field_number(fields, TAG_MEMORY_LIMIT, 0)) < 0)
		return fail(failure, "LIMIT_FAILED", errno, "cannot limit the workload's memory");
	return 0;
}

static const char card_driver[] = "/sys/bus/virtio/drivers/virtio_net";
static char dropped_card[64];

static int tell_driver(const char *verb, const char *device)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", card_driver, verb);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written = fd < 0 ? -1 : write(fd, device, strlen(device));
	if (written < 0)
		fprintf(stderr, "duet-agent: %s %s: %m\n", verb, device);
	close(fd);
	return written < 0 ? -1 : 0;
}

/* A workload without a network has no device but loopback: the driver lets go of it. */
static void drop_network(struct span fields)
{
	char *kind = field_text(fields, TAG_NETWORK_KIND);
	DIR *folder = agent.guest && kind != NULL && strcmp(kind, "none") == 0 ? opendir(card_driver) : NULL;
	struct dirent *entry;
	free(kind);
	dropped_card[0] = 0;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (strncmp(entry->d_name, "virtio", 6) != 0 || strlen(entry->d_name) >= sizeof dropped_card)
			continue;
		if (tell_driver("unbind", entry->d_name) == 0)
			memcpy(dropped_card, entry->d_name, strlen(entry->d_name) + 1);
		break;
	}
	if (folder != NULL)
		closedir(folder);
}

/* A card that was plugged a moment ago takes the kernel a while to find; one that was dropped comes back. */
int setup_network(struct span fields, struct failure *failure)
{
	struct span interface;
	int64_t deadline = milliseconds_now() + CARD_DEADLINE;
	int result;
	if (dropped_card[0] != 0 && field_find(fields, TAG_INTERFACE, &interface)) {
		tell_driver("bind", dropped_card);
		dropped_card[0] = 0;
	}
	while ((result = netsetup_apply(fields, failure)) < 0 && failure->number == ENODEV &&
	       milliseconds_now() < deadline)
		await_event();
	return result;
}

int setup_apply(struct span fields, struct failure *failure)
{
	struct span disk;
	if (!field_find(fields, TAG_DISK, &disk))
		return fail_as(failure, "invalid", "SETUP_INVALID", 0, "SETUP names no root disk");
	if (identity_apply(fields, failure) < 0 || mount_root(disk, failure) < 0 || write_files(fields, failure) < 0 ||
	    mount_shares(fields, failure) < 0 || forward_listen(fields, failure) < 0)
		return -1;
	drop_network(fields);
	return setup_limit(fields, failure);
}

void setup_undo(void)
{
	forward_undo();
	if (umount2(AGENT_ROOT, 0) < 0)
		umount2(AGENT_ROOT, MNT_DETACH);
	umount2(AGENT_SHARES, MNT_DETACH);
	for (int number = 0;; number++) {
		char path[64];
		snprintf(path, sizeof path, AGENT_FILES "/%d", number);
		if (unlink(path) < 0)
			break;
	}
	agent.rehearsal = false;
	agent.state = STATE_NEW;
}

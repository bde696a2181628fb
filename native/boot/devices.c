/*
 * Modules for the hardware that is there. /modules/aliases has a line a pattern: the pattern (modules.alias
 * of depmod(8); "-" for always), then the files to load in their order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "boot.h"

enum { TABLE_LIMIT = 1 << 20 };

static char *table;
static int events = -1;

static char *read_table(void)
{
	int fd = open("/modules/aliases", O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(TABLE_LIMIT + 1);
	size_t filled = 0;
	ssize_t size = 0;
	while (text != NULL && filled < TABLE_LIMIT && (size = read(fd, text + filled, TABLE_LIMIT - filled)) > 0)
		filled += (size_t)size;
	if (fd >= 0)
		close(fd);
	if (text != NULL)
		text[filled] = 0;
	return text;
}

/* 1 where it is new: a file goes once it was loaded, and with it the memory that it takes. */
static int load_module(const char *name, size_t length)
{
	char path[256];
	snprintf(path, sizeof path, "/modules/%.*s", (int)length, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && errno != ENODEV)
		say("module %.*s: %s", (int)length, name, strerror(errno));
	close(fd);
	unlink(path);
	return 1;
}

static int load_files(const char *at, const char *end)
{
	int loaded = 0;
	while (at < end) {
		while (at < end && *at == ' ')
			at++;
		size_t length = 0;
		while (at + length < end && at[length] != ' ')
			length++;
		if (length > 0)
			loaded += load_module(at, length);
		at += length;
	}
	return loaded;
}

static int load_for(const char *alias)
{
	char pattern[512];
	int loaded = 0;
	for (const char *line = table; *line != 0;) {
		const char *end = strchrnul(line, '\n');
		size_t length = strcspn(line, " \n");
		if (length > 0 && length < sizeof pattern) {
			memcpy(pattern, line, length);
			pattern[length] = 0;
			if (fnmatch(pattern, alias, 0) == 0)
				loaded += load_files(line + length, end);
		}
		line = *end == 0 ? end : end + 1;
	}
	return loaded;
}

static int load_for_device(int bus, const char *name)
{
	char path[400], alias[512];
	snprintf(path, sizeof path, "devices/%s/modalias", name);
	int fd = openat(bus, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t size = read(fd, alias, sizeof alias - 1);
	close(fd);
	if (size <= 0)
		return 0;
	alias[size] = 0;
	alias[strcspn(alias, "\n")] = 0;
	return load_for(alias);
}

static int load_for_bus(int buses, const char *bus_name)
{
	int bus = openat(buses, bus_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int folder = bus < 0 ? -1 : openat(bus, "devices", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *devices = folder < 0 ? NULL : fdopendir(folder);
	struct dirent *entry;
	int loaded = 0;
	while (devices != NULL && (entry = readdir(devices)) != NULL)
		if (entry->d_name[0] != '.')
			loaded += load_for_device(bus, entry->d_name);
	if (devices != NULL)
		closedir(devices);
	if (bus >= 0)
		close(bus);
	return loaded;
}

int devices_load(void)
{
	DIR *buses = opendir("/sys/bus");
	struct dirent *entry;
	int loaded = 0;
	while (buses != NULL && (entry = readdir(buses)) != NULL)
		if (entry->d_name[0] != '.')
			loaded += load_for_bus(dirfd(buses), entry->d_name);
	if (buses != NULL)
		closedir(buses);
	return loaded;
}

int devices_open(void)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	events = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	if (events >= 0 && bind(events, (struct sockaddr *)&address, sizeof address) < 0)
		say("cannot listen for devices: %s", strerror(errno));
	table = read_table();
	if (table == NULL)
		return -1;
	load_for("-");
	return 0;
}

void devices_await(int milliseconds)
{
	static char event[4096];
	struct pollfd waiting = {.fd = events, .events = POLLIN};
	poll(&waiting, 1, milliseconds);
	while (recv(events, event, sizeof event, MSG_DONTWAIT) > 0)
		;
}

/* Frees the memory that files of the initramfs take. */
void devices_forget(void)
{
	DIR *folder = opendir("/modules");
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder != NULL)
		closedir(folder);
	free(table);
	table = NULL;
	if (events >= 0)
		close(events);
	events = -1;
	unlink("/duet/boot");
}

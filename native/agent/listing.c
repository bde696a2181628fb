/* What the guest's /proc says: memory, out-of-memory kills, and what ps wants to know of the workload's processes. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"

/* Environments and command lines are cut here; procps reads no more of them either. */
enum { LARGEST_FILE = 128 << 10 };

static ssize_t read_file(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t filled = read(fd, buffer, size - 1);
	close(fd);
	buffer[filled < 0 ? 0 : filled] = 0;
	return filled;
}

static uint64_t field_of_file(const char *path, const char *name)
{
	char text[8192];
	if (read_file(path, text, sizeof text) <= 0)
		return 0;
	size_t length = strlen(name);
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, name, length) == 0 && (line[length] == ':' || line[length] == ' '))
			return strtoull(line + length + 1, NULL, 10);
	}
	return 0;
}

uint64_t listing_oom_kills(void)
{
	if (!agent.guest)
		return 0;
	return field_of_file(AGENT_CGROUP "/memory.events", "oom_kill");
}

/* "max" and what is not there count as 0. */
static uint64_t number_of_file(const char *path)
{
	char text[32];
	return read_file(path, text, sizeof text) <= 0 ? 0 : strtoull(text, NULL, 10);
}

static void write_cgroup(struct writer *writer)
{
	write_number(writer, TAG_MEMORY_LIMIT, number_of_file(AGENT_CGROUP "/memory.max"));
	write_number(writer, TAG_PIDS_LIMIT, number_of_file(AGENT_CGROUP "/pids.max"));
	write_number(writer, TAG_PIDS, number_of_file(AGENT_CGROUP "/pids.current"));
}

void listing_status(struct writer *writer)
{
	if (agent.guest)
		write_cgroup(writer);
	write_number(writer, TAG_MEMORY_TOTAL, field_of_file("/proc/meminfo", "MemTotal") * 1024);
	write_number(writer, TAG_MEMORY_AVAILABLE, field_of_file("/proc/meminfo", "MemAvailable") * 1024);
	write_number(writer, TAG_MEMORY_CACHED, field_of_file("/proc/meminfo", "Cached") * 1024);
}

/* One record of native/rootfs/processes.c. A file that is gone, or not to be read, is left out. */
static void put_file(const char *path)
{
	static char content[LARGEST_FILE];
	char whole[300] = "/proc/";
	size_t name = strlen(path);
	snprintf(whole + 6, sizeof whole - 6, "%s", path);
	int fd = open(whole, O_RDONLY | O_CLOEXEC);
	size_t size = 0;
	for (ssize_t got = 1; fd >= 0 && got > 0 && size < sizeof content; size += got > 0 ? (size_t)got : 0)
		got = read(fd, content + size, sizeof content - size);
	close(fd);
	if (size == 0 && strstr(path, "cmdline") == NULL)
		return;
	const uint8_t head[6] = {name & 0xff,	     name >> 8 & 0xff,	 size & 0xff,
				 size >> 8 & 0xff, size >> 16 & 0xff, size >> 24 & 0xff};
	fwrite(head, sizeof head, 1, stdout);
	fwrite(path, name, 1, stdout);
	fwrite(content, size, 1, stdout);
}

static void put_each(const char *folder, const char *const *names)
{
	char path[200];
	for (; *names != NULL; names++) {
		snprintf(path, sizeof path, "%s/%s", folder, *names);
		put_file(path);
	}
}

static void put_threads(const char *pid)
{
	static const char *const names[] = {"stat", "status", "wchan", NULL};
	char path[300];
	snprintf(path, sizeof path, "/proc/%s/task", pid);
	DIR *folder = opendir(path);
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "%.20s/task/%.20s", pid, entry->d_name);
		put_each(path, names);
	}
	if (folder != NULL)
		closedir(folder);
}

void listing_put(void)
{
	static const char *const machine[] = {"stat",	 "uptime",  "meminfo", "loadavg", "version",
					      "cpuinfo", "vmstat",  NULL};
	static const char *const names[] = {"stat",   "status", "statm",  "cmdline",	 "environ",
					    "wchan",  "cgroup", "smaps_rollup", NULL};
	struct stat wanted, own;
	if (agent.main_pid_namespace < 0 || fstat(agent.main_pid_namespace, &wanted) < 0)
		return;
	for (const char *const *name = machine; *name != NULL; name++)
		put_file(*name);
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char path[300];
		snprintf(path, sizeof path, "/proc/%s/ns/pid", entry->d_name);
		if (!isdigit((unsigned char)entry->d_name[0]) || stat(path, &own) < 0 || own.st_ino != wanted.st_ino)
			continue;
		put_each(entry->d_name, names);
		put_threads(entry->d_name);
	}
	fflush(stdout);
}

/* What the guest's /proc says: processes of the workload, memory, out-of-memory kills. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

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

static uint64_t boot_time(void)
{
	struct timespec real, boot;
	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (uint64_t)(real.tv_sec - boot.tv_sec);
}

static void write_command(struct writer *writer, const char *pid, const char *name)
{
	char path[300], text[4096];
	snprintf(path, sizeof path, "/proc/%s/cmdline", pid);
	ssize_t size = read_file(path, text, sizeof text);
	if (size <= 0) {
		size = snprintf(text, sizeof text, "[%s]", name);
	} else {
		while (size > 0 && text[size - 1] == 0)
			size--;
		for (ssize_t i = 0; i < size; i++)
			if (text[i] == 0)
				text[i] = ' ';
	}
	write_bytes(writer, TAG_COMMAND, text, (size_t)size);
}

/* proc(5): pid (comm) state ppid pgrp session tty_nr ... utime is field 14, starttime field 22. */
static void write_process(struct writer *writer, const char *pid, uint64_t booted)
{
	char path[300], text[2048];
	struct stat status;
	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	if (read_file(path, text, sizeof text) <= 0 || stat(path, &status) < 0)
		return;
	char *open = strchr(text, '('), *close = strrchr(text, ')');
	if (open == NULL || close == NULL)
		return;
	*close = 0;
	unsigned long parent = 0, user = 0, system = 0;
	unsigned long long started = 0;
	int terminal = 0;
	if (sscanf(close + 1, " %*c %lu %*d %*d %d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %*d %*d %llu",
		   &parent, &terminal, &user, &system, &started) != 5)
		return;
	size_t mark = write_group(writer, TAG_PROCESS);
	write_number(writer, TAG_PID, strtoull(pid, NULL, 10));
	write_number(writer, TAG_PARENT, parent);
	write_number(writer, TAG_UID, status.st_uid);
	write_text(writer, TAG_NAME, open + 1);
	write_command(writer, pid, open + 1);
	write_number(writer, TAG_TICKS, user + system);
	write_number(writer, TAG_STARTED_AT, booted + started / 100);
	if (terminal != 0) {
		snprintf(path, sizeof path, "pts/%d", terminal & 0xff);
		write_text(writer, TAG_TERMINAL_NAME, path);
	}
	write_group_end(writer, mark);
}

void listing_processes(struct writer *writer)
{
	struct stat wanted, own;
	uint64_t booted = boot_time();
	if (agent.main_pid_namespace < 0 || fstat(agent.main_pid_namespace, &wanted) < 0)
		return;
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char path[300];
		snprintf(path, sizeof path, "/proc/%s/ns/pid", entry->d_name);
		if (isdigit((unsigned char)entry->d_name[0]) && stat(path, &own) == 0 && own.st_ino == wanted.st_ino)
			write_process(writer, entry->d_name, booted);
	}
	if (folder != NULL)
		closedir(folder);
}

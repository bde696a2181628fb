/* The program of a rehearsal: does what programs do when they start, so that the kernel's code for it is met. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

static void touch_files(void)
{
	char buffer[4096];
	int fd = open("/tmp/rehearsal", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd >= 0 && write(fd, buffer, sizeof buffer) > 0) {
		void *map = mmap(NULL, sizeof buffer, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
		if (map != MAP_FAILED) {
			*(volatile char *)map = 1;
			mprotect(map, sizeof buffer, PROT_READ);
			munmap(map, sizeof buffer);
		}
		fsync(fd);
	}
	close(fd);
	unlink("/tmp/rehearsal");
	const char *const files[] = {"/etc/passwd", "/etc/hosts", "/proc/self/status", "/proc/meminfo", "/missing"};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		struct stat status;
		fd = open(files[i], O_RDONLY);
		if (fd >= 0 && fstat(fd, &status) == 0)
			while (read(fd, buffer, sizeof buffer) > 0)
				;
		close(fd);
	}
	DIR *folder = opendir("/");
	while (folder != NULL && readdir(folder) != NULL)
		;
	if (folder != NULL)
		closedir(folder);
}

static void touch_processes(char *self)
{
	int ends[2];
	char byte;
	if (pipe(ends) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		execl(self, self, "--rehearsed", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	while (read(ends[0], &byte, 1) > 0)
		;
	close(ends[0]);
	waitpid(pid, NULL, 0);
}

int rehearse(char *self)
{
	for (int round = 0; round < 2; round++) {
		touch_files();
		touch_processes(self);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	close(fd);
	void *memory = malloc(1 << 20);
	for (size_t i = 0; memory != NULL && i < 1 << 20; i += 4096)
		((volatile char *)memory)[i] = 1;
	free(memory);
	return write(1, "rehearsed\n", 10) == 10 ? 0 : 1;
}

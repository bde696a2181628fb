/*
 * `duet-rootfs --processes ARGUMENT...`: the host's ps, which sees a guest's processes instead of the host's. What
 * comes on stdin are files of the guest's /proc; the program that reads them has nothing that they could win.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "processes.h"

enum {
	LONGEST_PATH = 200,
	LARGEST_FILE = 1 << 20,
	SHOWN_TERMINALS = 64,
	NOBODY = 65534,
	MOST_SECONDS = 10,
	MOST_MEMORY = 1 << 30,
};

/* Fewer than `size` bytes where stdin ends before. */
static size_t read_all(void *buffer, size_t size)
{
	size_t done = 0;
	while (done < size) {
		ssize_t got = read(0, (char *)buffer + done, size - done);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/* Names of lower-case letters, digits and the like, none of them the program's own place (1, self). */
static bool is_fine(const char *path)
{
	if (strspn(path, "abcdefghijklmnopqrstuvwxyz_0123456789/") != strlen(path))
		return false;
	return path[0] != '/' && path[0] != 0 && strstr(path, "//") == NULL && strncmp(path, "1/", 2) != 0 &&
	       strncmp(path, "self", 4) != 0;
}

static bool put_file(int folder, const char *path, const void *content, size_t size)
{
	char partial[LONGEST_PATH + 1];
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		memcpy(partial, path, (size_t)(slash - path));
		partial[slash - path] = 0;
		if (mkdirat(folder, partial, 0755) < 0 && errno != EEXIST)
			return false;
	}
	int fd = openat(folder, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	ssize_t written = fd < 0 ? -1 : write(fd, content, size);
	close(fd);
	return written == (ssize_t)size;
}

/* A record: length of the path (2 bytes), of the content (4 bytes), little-endian, then both. */
static bool take_files(int folder)
{
	static uint8_t content[LARGEST_FILE];
	uint8_t head[6];
	char path[LONGEST_PATH + 1];
	for (size_t got; (got = read_all(head, sizeof head)) > 0;) {
		if (got < sizeof head)
			return false;
		size_t name = head[0] | (size_t)head[1] << 8;
		size_t size = head[2] | (size_t)head[3] << 8 | (size_t)head[4] << 16 | (size_t)head[5] << 24;
		if (name > LONGEST_PATH || size > sizeof content || read_all(path, name) < name ||
		    read_all(content, size) < size)
			return false;
		path[name] = 0;
		if (strlen(path) != name || !is_fine(path) || !put_file(folder, path, content, size))
			return false;
	}
	return true;
}

/* ps looks for itself first. */
static bool put_self(int folder)
{
	static const char stat[] = "1 (ps) R 0 1 1 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0 "
				   "0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n";
	static const char status[] = "Name:\tps\nTgid:\t1\nPid:\t1\nPPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n";
	static const char *const places[] = {"1", "self"};
	for (int i = 0; i < 2; i++) {
		char path[32];
		snprintf(path, sizeof path, "%s/task/1/stat", places[i]);
		bool put = put_file(folder, path, stat, sizeof stat - 1);
		snprintf(path, sizeof path, "%s/stat", places[i]);
		put = put && put_file(folder, path, stat, sizeof stat - 1);
		snprintf(path, sizeof path, "%s/status", places[i]);
		if (!put || !put_file(folder, path, status, sizeof status - 1))
			return false;
	}
	return true;
}

/* Terminals are named by their nodes, which need not lead anywhere. */
static bool put_terminals(void)
{
	if (mount("tmpfs", "/dev/pts", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755") < 0)
		return false;
	for (unsigned number = 0; number < SHOWN_TERMINALS; number++) {
		char path[32];
		snprintf(path, sizeof path, "/dev/pts/%u", number);
		if (mknod(path, S_IFCHR | 0600, makedev(136, number)) < 0)
			return false;
	}
	return true;
}

static bool give_up_all(void)
{
	const struct rlimit seconds = {MOST_SECONDS, MOST_SECONDS}, memory = {MOST_MEMORY, MOST_MEMORY};
	const struct rlimit one = {1, 1};
	return setrlimit(RLIMIT_CPU, &seconds) == 0 && setrlimit(RLIMIT_AS, &memory) == 0 &&
	       setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0 && setrlimit(RLIMIT_FSIZE, &one) == 0 &&
	       prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static int run_ps(char **arguments)
{
	static char *const environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", NULL};
	const unsigned long plain = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || !put_terminals() ||
	    mount("tmpfs", "/proc", "tmpfs", plain, "mode=0755,size=64m") < 0)
		return -1;
	int folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool put = folder >= 0 && take_files(folder) && put_self(folder);
	close(folder);
	if (!put || mount(NULL, "/proc", NULL, MS_REMOUNT | MS_RDONLY | plain, NULL) < 0 || !give_up_all())
		return -1;
	execve("/usr/bin/ps", arguments, environment);
	execve("/bin/ps", arguments, environment);
	return -1;
}

int show_processes(char **arguments)
{
	int status;
	arguments[0] = "ps";
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) < 0) {
		perror("cannot leave the host's namespaces");
		return EXIT_UNSHOWN;
	}
	pid_t child = fork();
	if (child == 0) {
		run_ps(arguments);
		perror("cannot show a guest's processes");
		_exit(EXIT_UNSHOWN);
	}
	if (child < 0 || waitpid(child, &status, 0) < 0)
		return EXIT_UNSHOWN;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_UNSHOWN;
}

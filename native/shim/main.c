/*
 * duet-shim: owns one workload on the host and outlives the daemon.
 *
 *     duet-shim SOCKET [NAME]
 *
 * Descriptor 3 is the first client's connection. Descriptors 0-2 are /dev/null, and the parent has made
 * it the leader of a session. NAME is only there for people who read process lists.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "console.h"
#include "requests.h"
#include "shim.h"

enum { FIRST_CLIENT = 3 };

static struct source listener = {.fd = -1};

static void listener_ready(struct source *source, uint32_t events)
{
	(void)events;
	int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		client_open(fd, request_dispatch);
}

static void ignore_signals(void)
{
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGUSR2, SIGTTOU, SIGTTIN};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		sigaction(ignored[i], &ignore, NULL);
}

/* 0-2 must be open, so that no descriptor of ours is mistaken for a standard one. */
static void fill_standard_descriptors(void)
{
	int fd;
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < 3);
	if (fd >= 3)
		close(fd);
}

static void be_hard_to_kill(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "-999", 4) < 0)
		errno = 0; /* without the privilege it is judged like everybody */
	close(fd);
}

static int complain(const char *what)
{
	fprintf(stderr, "duet-shim: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct stat first;
	bool has_client = fstat(FIRST_CLIENT, &first) == 0 && S_ISSOCK(first.st_mode);
	if (argc < 2) {
		fprintf(stderr, "usage: duet-shim SOCKET [NAME]\n");
		return 2;
	}
	prctl(PR_SET_NAME, "duet-shim"); /* it may have been started by a descriptor's number */
	fill_standard_descriptors();
	ignore_signals();
	be_hard_to_kill();
	umask(0022);
	shim.socket_path = argv[1];
	char *copy = strdup(argv[1]);
	if (copy == NULL)
		return complain("start");
	shim.run_directory = dirname(copy);
	if (loop_open() < 0)
		return complain("epoll");
	int listening = unix_listen(shim.socket_path, 64);
	if (listening < 0 || source_add(&listener, listening, EPOLLIN, listener_ready) < 0)
		return complain(shim.socket_path);
	if (chdir("/") < 0)
		return complain("/");
	client_left = request_client_left;
	if (has_client) {
		fcntl(FIRST_CLIENT, F_SETFD, FD_CLOEXEC);
		fcntl(FIRST_CLIENT, F_SETFL, O_RDWR | O_NONBLOCK);
		client_open(FIRST_CLIENT, request_dispatch);
	}
	loop_run();
	return 0;
}

/*
 * Both ends of a conversation, for containers, machines and hosts alike.
 *
 *   reach serve PORT                      answers TCP, UDP and, where there is any, SCTP: "NAME sees ADDRESS\n"
 *   reach tcp|udp|sctp HOST PORT SECONDS  asks until an answer comes or the time is over; prints it
 */
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRY_MILLISECONDS = 500 };

struct protocol {
	const char *name;
	int type;
	int number;
};

static const struct protocol protocols[] = {
	{"tcp", SOCK_STREAM, IPPROTO_TCP},
	{"udp", SOCK_DGRAM, IPPROTO_UDP},
	{"sctp", SOCK_STREAM, IPPROTO_SCTP},
};

static long long now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static int listening(const struct protocol *protocol, unsigned short port)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(port)};
	const int on = 1, off = 0;
	int fd = socket(AF_INET6, protocol->type, protocol->number);
	int result = -1;
	if (fd >= 0) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
		result = bind(fd, (struct sockaddr *)&six, sizeof six);
	}
	if (result < 0) {
		close(fd);
		fd = socket(AF_INET, protocol->type, protocol->number);
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		result = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&four, sizeof four);
	}
	if (result == 0 && protocol->type == SOCK_STREAM)
		result = listen(fd, 64);
	return result < 0 ? -1 : fd;
}

static void answer(const struct protocol *protocol, int fd)
{
	char bytes[512], name[256] = "", host[NI_MAXHOST] = "";
	struct sockaddr_storage from;
	socklen_t size = sizeof from;
	int client = fd;
	if (protocol->type == SOCK_STREAM)
		client = accept(fd, (struct sockaddr *)&from, &size);
	else if (recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size) < 0)
		return;
	if (client < 0)
		return;
	gethostname(name, sizeof name - 1);
	getnameinfo((struct sockaddr *)&from, size, host, sizeof host, NULL, 0, NI_NUMERICHOST);
	int length = snprintf(bytes, sizeof bytes, "%s sees %s\n", name, host);
	if (client == fd) {
		sendto(fd, bytes, (size_t)length, 0, (struct sockaddr *)&from, size);
		return;
	}
	send(client, bytes, (size_t)length, MSG_NOSIGNAL);
	close(client);
}

static int serve(unsigned short port)
{
	struct pollfd waiting[3];
	const struct protocol *served[3];
	nfds_t count = 0;
	for (int i = 0; i < 3; i++) {
		int fd = listening(&protocols[i], port);
		if (fd < 0)
			continue;
		served[count] = &protocols[i];
		waiting[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
	}
	if (count < 2)
		return 1;
	while (poll(waiting, count, -1) > 0)
		for (nfds_t i = 0; i < count; i++)
			if (waiting[i].revents != 0)
				answer(served[i], waiting[i].fd);
	return 1;
}

static int ask_once(const struct protocol *protocol, const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = protocol->number == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM};
	struct addrinfo *list = NULL;
	char bytes[512];
	ssize_t size = -1;
	if (getaddrinfo(host, port, &hints, &list) != 0)
		return -1;
	for (struct addrinfo *at = list; at != NULL && size <= 0; at = at->ai_next) {
		int fd = socket(at->ai_family, protocol->type | SOCK_NONBLOCK, protocol->number);
		connect(fd, at->ai_addr, at->ai_addrlen);
		if (protocol->type == SOCK_DGRAM)
			send(fd, "?", 1, MSG_NOSIGNAL);
		struct pollfd waiting = {.fd = fd, .events = POLLIN};
		if (poll(&waiting, 1, TRY_MILLISECONDS) == 1)
			size = recv(fd, bytes, sizeof bytes, 0);
		close(fd);
	}
	freeaddrinfo(list);
	return size > 0 && fwrite(bytes, 1, (size_t)size, stdout) == (size_t)size ? 0 : -1;
}

static int ask(const struct protocol *protocol, const char *host, const char *port, long long milliseconds)
{
	long long until = now() + milliseconds;
	while (now() < until) {
		long long began = now();
		if (ask_once(protocol, host, port) == 0)
			return 0;
		long long rest = TRY_MILLISECONDS / 5 - (now() - began);
		if (rest > 0)
			poll(NULL, 0, (int)rest); /* a refusal comes at once */
	}
	fprintf(stderr, "no answer from %s:%s\n", host, port);
	return 1;
}

int main(int count, char **words)
{
	signal(SIGPIPE, SIG_IGN);
	if (count == 3 && strcmp(words[1], "serve") == 0)
		return serve((unsigned short)atoi(words[2]));
	for (int i = 0; count == 5 && i < 3; i++)
		if (strcmp(words[1], protocols[i].name) == 0)
			return ask(&protocols[i], words[2], words[3], atoi(words[4]) * 1000LL);
	return 2;
}

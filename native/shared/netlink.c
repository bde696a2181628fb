#include "netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -1;
	struct sockaddr_nl local = {.nl_family = AF_NETLINK};
	if (bind(fd, (struct sockaddr *)&local, sizeof local) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, size_t body)
{
	memset(request, 0, sizeof *request);
	request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
	request->header.nlmsg_type = type;
	request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	request->header.nlmsg_seq = 1;
}

void netlink_attribute(struct netlink_request *request, uint16_t type, const void *data, size_t size)
{
	size_t offset = NLMSG_ALIGN(request->header.nlmsg_len);
	if (offset + RTA_SPACE(size) > sizeof *request)
		abort();
	uint8_t *at = (uint8_t *)request + offset;
	struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
	memcpy(at, &attribute, sizeof attribute);
	if (size > 0)
		memcpy(at + RTA_LENGTH(0), data, size);
	request->header.nlmsg_len = (uint32_t)(offset + RTA_SPACE(size));
}

int netlink_transact(int fd, struct netlink_request *request)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	if (sendto(fd, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0)
		return errno;
	for (;;) {
		union {
			struct nlmsghdr header;
			uint8_t bytes[4096];
		} answer;
		struct sockaddr_nl sender;
		socklen_t sender_size = sizeof sender;
		ssize_t got = recvfrom(fd, &answer, sizeof answer, 0, (struct sockaddr *)&sender, &sender_size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno;
		if (sender.nl_pid != 0 || got < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			continue;
		if (answer.header.nlmsg_type != NLMSG_ERROR)
			continue;
		struct nlmsgerr verdict;
		memcpy(&verdict, NLMSG_DATA(&answer.header), sizeof verdict);
		return -verdict.error;
	}
}

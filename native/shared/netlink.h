/* One rtnetlink request at a time over a socket, answered before the next. */
#ifndef DUET_NETLINK_H
#define DUET_NETLINK_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct netlink_request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
	};
	uint8_t attributes[512];
};

/* A socket of the calling process's network namespace; -1 with errno. */
int netlink_open(void);
void netlink_begin(struct netlink_request *request, uint16_t type, uint16_t flags, size_t body);
/* Aborts where the attribute does not fit: ours are small and of bounded size. */
void netlink_attribute(struct netlink_request *request, uint16_t type, const void *data, size_t size);
/* Sends and waits for the acknowledgement: 0, or the errno of the refusal. */
int netlink_transact(int fd, struct netlink_request *request);

#endif

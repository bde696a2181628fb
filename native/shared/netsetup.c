#include "netsetup.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "netlink.h"
#include "protocol.h"

struct address {
	int family;
	size_t size;
	uint8_t bytes[16];
	unsigned prefix;
};

/* "10.0.0.2/24", "fd00::2/64", or without a prefix for a host address; "default" is refused here. */
static bool parse_address(const char *text, struct address *address)
{
	char copy[64];
	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
		return false;
	char *slash = strchr(copy, '/');
	if (slash != NULL)
		*slash = 0;
	address->family = strchr(copy, ':') == NULL ? AF_INET : AF_INET6;
	address->size = address->family == AF_INET ? 4 : 16;
	if (inet_pton(address->family, copy, address->bytes) != 1)
		return false;
	address->prefix = (unsigned)address->size * 8;
	if (slash == NULL)
		return true;
	char *end;
	unsigned long prefix = strtoul(slash + 1, &end, 10);
	if (slash[1] < '0' || slash[1] > '9' || *end != 0 || prefix > address->prefix)
		return false;
	address->prefix = (unsigned)prefix;
	return true;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
	char end;
	return strlen(text) == 17 && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
					    &mac[3], &mac[4], &mac[5], &end) == 6;
}

static bool hardware_address(int fd, const char *device, uint8_t mac[6])
{
	struct ifreq request = {0};
	strncpy(request.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		return false;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return true;
}

/* The device with this MAC; without one, the only device besides loopback. 0 where there is none or no unique one. */
static unsigned find_device(int fd, const uint8_t *mac)
{
	struct if_nameindex *list = if_nameindex();
	unsigned found = 0;
	unsigned others = 0;
	for (struct if_nameindex *at = list; at != NULL && at->if_index != 0; at++) {
		if (strcmp(at->if_name, "lo") == 0)
			continue;
		uint8_t own[6];
		if (mac != NULL && (!hardware_address(fd, at->if_name, own) || memcmp(own, mac, 6) != 0))
			continue;
		found = at->if_index;
		others++;
	}
	if (list != NULL)
		if_freenameindex(list);
	return others == 1 ? found : 0;
}

static int set_link(int fd, unsigned index, const char *name, const uint8_t *mac, uint32_t mtu, bool up)
{
	struct netlink_request request;
	netlink_begin(&request, RTM_NEWLINK, 0, sizeof request.link);
	request.link.ifi_family = AF_UNSPEC;
	request.link.ifi_index = (int)index;
	if (up) {
		request.link.ifi_flags = IFF_UP;
		request.link.ifi_change = IFF_UP;
	}
	if (name != NULL)
		netlink_attribute(&request, IFLA_IFNAME, name, strlen(name) + 1);
	if (mac != NULL)
		netlink_attribute(&request, IFLA_ADDRESS, mac, 6);
	if (mtu != 0)
		netlink_attribute(&request, IFLA_MTU, &mtu, sizeof mtu);
	return netlink_transact(fd, &request);
}

/*
 * 0, or an errno. A network without IPv6 lets none through to the host; on the link alone it would still listen to
 * every neighbour's announcements. Docker turns it off by the same setting. A kernel without IPv6 has none to turn off.
 */
static int set_ipv6(const char *name, bool on)
{
	char path[64 + IFNAMSIZ];
	char current = 0;
	snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	ssize_t size = read(fd, &current, 1);
	close(fd);
	if (size == 1 && (current == '0') == on)
		return 0;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	int number = write(fd, on ? "0" : "1", 1) == 1 ? 0 : errno;
	close(fd);
	return number;
}

static int add_address(int fd, unsigned index, const struct address *address)
{
	struct netlink_request request;
	netlink_begin(&request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof request.address);
	request.address.ifa_family = (uint8_t)address->family;
	request.address.ifa_prefixlen = (uint8_t)address->prefix;
	request.address.ifa_index = index;
	if (address->family == AF_INET6)
		request.address.ifa_flags = IFA_F_NODAD; /* usable at once: the engine gave it to nobody else */
	netlink_attribute(&request, IFA_LOCAL, address->bytes, address->size);
	netlink_attribute(&request, IFA_ADDRESS, address->bytes, address->size);
	if (address->family == AF_INET && address->prefix < 31) {
		uint8_t broadcast[4];
		uint32_t mask = address->prefix == 0 ? 0 : htonl(~0u << (32 - address->prefix));
		for (int i = 0; i < 4; i++)
			broadcast[i] = (uint8_t)(address->bytes[i] | ~((const uint8_t *)&mask)[i]);
		netlink_attribute(&request, IFA_BROADCAST, broadcast, sizeof broadcast);
	}
	int number = netlink_transact(fd, &request);
	return number == EEXIST ? 0 : number;
}

static int add_route(int fd, unsigned index, const struct address *destination, const struct address *gateway)
{
	struct netlink_request request;
	/* There is one default route a family: it moves when another network becomes the way out. */
	uint16_t flags = destination == NULL ? NLM_F_CREATE | NLM_F_REPLACE : NLM_F_CREATE | NLM_F_EXCL;
	netlink_begin(&request, RTM_NEWROUTE, flags, sizeof request.route);
	const struct address *known = destination != NULL ? destination : gateway;
	request.route.rtm_family = (uint8_t)(known == NULL ? AF_INET : known->family);
	request.route.rtm_dst_len = (uint8_t)(destination == NULL ? 0 : destination->prefix);
	request.route.rtm_table = RT_TABLE_MAIN;
	request.route.rtm_protocol = RTPROT_BOOT;
	request.route.rtm_scope = gateway == NULL ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
	request.route.rtm_type = RTN_UNICAST;
	if (destination != NULL && destination->prefix > 0)
		netlink_attribute(&request, RTA_DST, destination->bytes, destination->size);
	if (gateway != NULL)
		netlink_attribute(&request, RTA_GATEWAY, gateway->bytes, gateway->size);
	uint32_t output = index;
	netlink_attribute(&request, RTA_OIF, &output, sizeof output);
	int number = netlink_transact(fd, &request);
	return number == EEXIST ? 0 : number;
}

static int apply_addresses(int fd, unsigned index, struct span interface, struct failure *failure)
{
	struct span value;
	for (struct span rest = interface; field_each(&rest, TAG_ADDRESS, &value);) {
		struct address address;
		char *text = span_text(value);
		int number = text == NULL || !parse_address(text, &address) ? EINVAL : add_address(fd, index, &address);
		if (number != 0) {
			fail(failure, "NETWORK_SETUP", number, "cannot add the address %s", text == NULL ? "" : text);
			free(text);
			return -1;
		}
		free(text);
	}
	return 0;
}

/* 0, or an errno. */
static int apply_route(int fd, unsigned index, const char *destination, const char *gateway)
{
	struct address to, via;
	bool has_destination = strcmp(destination, "default") != 0;
	bool has_gateway = gateway[0] != 0;
	if ((has_destination && !parse_address(destination, &to)) || (has_gateway && !parse_address(gateway, &via)))
		return EINVAL;
	if (has_destination && has_gateway && to.family != via.family)
		return EINVAL;
	return add_route(fd, index, has_destination ? &to : NULL, has_gateway ? &via : NULL);
}

static int apply_routes(int fd, unsigned index, struct span interface, struct failure *failure)
{
	struct span value;
	for (struct span rest = interface; field_each(&rest, TAG_ROUTE, &value);) {
		char *destination = field_text(value, TAG_DESTINATION);
		char *gateway = field_text(value, TAG_GATEWAY);
		const char *via = gateway == NULL ? "" : gateway;
		int number = destination == NULL ? EINVAL : apply_route(fd, index, destination, via);
		if (number != 0)
			fail(failure, "NETWORK_SETUP", number, "cannot add the route to %s via %s",
			     destination == NULL ? "" : destination, via);
		free(destination);
		free(gateway);
		if (number != 0)
			return -1;
	}
	return 0;
}

/* A clone's first device still bears its template's address. */
static unsigned find_first(int fd, struct span interface)
{
	uint8_t mac[6];
	char *text = field_text(interface, TAG_FIRST_MAC);
	unsigned index = text != NULL && parse_mac(text, mac) ? find_device(fd, mac) : find_device(fd, NULL);
	free(text);
	return index;
}

/* Kernels name devices in the order in which they find them: one that has not had its turn may bear this name. */
static void free_name(int fd, const char *name, unsigned index)
{
	char spare[IFNAMSIZ];
	unsigned holder = if_nametoindex(name);
	if (holder == 0 || holder == index)
		return;
	snprintf(spare, sizeof spare, "link%u", holder);
	set_link(fd, holder, spare, NULL, 0, false);
}

static int apply_interface(int fd, struct span interface, struct failure *failure)
{
	char *device = field_text(interface, TAG_DEVICE);
	char *name = field_text(interface, TAG_NAME);
	char *mac_text = field_text(interface, TAG_MAC);
	uint32_t mtu = (uint32_t)field_number(interface, TAG_MTU, 0);
	uint8_t mac[6];
	int result = -1;
	if (name == NULL || name[0] == 0 || strlen(name) >= IFNAMSIZ) {
		fail_as(failure, "invalid", "NETWORK_SETUP", EINVAL, "an interface has no usable name");
		goto out;
	}
	bool has_mac = mac_text != NULL && mac_text[0] != 0;
	if (has_mac && !parse_mac(mac_text, mac)) {
		fail_as(failure, "invalid", "NETWORK_SETUP", EINVAL, "%s has no usable MAC address", name);
		goto out;
	}
	bool by_mac = device == NULL || device[0] == 0;
	unsigned index = by_mac ? find_device(fd, has_mac ? mac : NULL) : if_nametoindex(device);
	bool bears_mac = by_mac && has_mac && index != 0;
	if (index == 0 && by_mac && has_mac)
		index = find_first(fd, interface);
	if (index == 0)
		index = if_nametoindex(name);
	if (index == 0) {
		fail(failure, "NETWORK_SETUP", ENODEV, "cannot find the device of %s", name);
		goto out;
	}
	/* Renaming and a new MAC need the device down; it is, unless this message comes for the second time. */
	char current[IFNAMSIZ] = "";
	if_indextoname(index, current);
	bool rename = strcmp(current, name) != 0;
	if (rename)
		free_name(fd, name, index);
	int number = set_link(fd, index, rename ? name : NULL, has_mac && !bears_mac ? mac : NULL, mtu, false);
	struct span ipv6;
	if (number == 0 && field_find(interface, TAG_IPV6, &ipv6))
		number = set_ipv6(name, field_number(interface, TAG_IPV6, 0) != 0);
	if (number == 0)
		number = set_link(fd, index, NULL, NULL, 0, true);
	if (number != 0) {
		fail(failure, "NETWORK_SETUP", number, "cannot set up the device %s", name);
		goto out;
	}
	if (apply_addresses(fd, index, interface, failure) == 0 && apply_routes(fd, index, interface, failure) == 0)
		result = 0;
out:
	free(device);
	free(name);
	free(mac_text);
	return result;
}

int netsetup_apply(struct span fields, struct failure *failure)
{
	int fd = netlink_open();
	if (fd < 0)
		return fail(failure, "NETWORK_SETUP", errno, "cannot open a netlink socket");
	struct span interface;
	int result = 0;
	for (struct span rest = fields; result == 0 && field_each(&rest, TAG_INTERFACE, &interface);)
		result = apply_interface(fd, interface, failure);
	close(fd);
	return result;
}

int netsetup_loopback(struct failure *failure)
{
	int fd = netlink_open();
	if (fd < 0)
		return fail(failure, "NETWORK_SETUP", errno, "cannot open a netlink socket");
	unsigned index = if_nametoindex("lo");
	int number = index == 0 ? ENODEV : set_link(fd, index, NULL, NULL, 0, true);
	close(fd);
	return number == 0 ? 0 : fail(failure, "NETWORK_SETUP", number, "cannot bring the loopback device up");
}

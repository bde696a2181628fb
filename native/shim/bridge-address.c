#include "bridge-address.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>

static const struct in6_addr *address_of(const struct ifaddrs *entry)
{
	if (entry->ifa_addr == NULL || entry->ifa_addr->sa_family != AF_INET6)
		return NULL;
	return &((const struct sockaddr_in6 *)(const void *)entry->ifa_addr)->sin6_addr;
}

bool bridge_address(const uint8_t address[16], uint8_t found[16])
{
	struct ifaddrs *list;
	const char *device = NULL;
	bool is_found = false;
	if (getifaddrs(&list) < 0)
		return false;
	for (const struct ifaddrs *at = list; at != NULL && device == NULL; at = at->ifa_next)
		if (address_of(at) != NULL && memcmp(address_of(at), address, 16) == 0)
			device = at->ifa_name;
	for (const struct ifaddrs *at = list; device != NULL && at != NULL && !is_found; at = at->ifa_next) {
		const struct in6_addr *own = address_of(at);
		if (own == NULL || !IN6_IS_ADDR_LINKLOCAL(own) || strcmp(at->ifa_name, device) != 0)
			continue;
		memcpy(found, own, 16);
		is_found = true;
	}
	freeifaddrs(list);
	return is_found;
}

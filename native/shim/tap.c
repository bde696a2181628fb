#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int tap_open(const char *name, struct failure *failure)
{
	/* VNET_HDR lets guest and host hand over checksums and large segments undone. */
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
	if (name[0] == 0 || strlen(name) >= IFNAMSIZ || strchr(name, '%') != NULL)
		return fail_as(failure, "invalid", "TAP_INVALID", 0, "no usable name for a tap device: %s", name);
	memcpy(request.ifr_name, name, strlen(name));
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fail_as(failure, "unavailable", "TAP_FAILED", errno, "cannot open /dev/net/tun");
	if (ioctl(fd, TUNSETIFF, &request) < 0) {
		int number = errno;
		close(fd);
		return fail(failure, "TAP_FAILED", number, "cannot make the tap device %s", name);
	}
	return fd;
}

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "boot.h"
#include "netsetup.h"
#include "protocol.h"

/* A command is not started without a network before this many milliseconds have passed. */
enum { NETWORK_WAIT = 15000, ETHERNET = 1 };

static bool is_ethernet(const char *name)
{
	char path[300], text[16] = "";
	snprintf(path, sizeof path, "/sys/class/net/%s/type", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof text - 1) < 0)
		text[0] = 0;
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof path, "/sys/class/net/%s/device", name);
	return strtol(text, NULL, 10) == ETHERNET && access(path, F_OK) == 0;
}

static void bring_up(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		say("%s: %s", name, strerror(errno));
	request.ifr_flags |= IFF_UP;
	if (fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		say("%s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void start_client(const char *name, int ready)
{
	char interface[IFNAMSIZ] = "";
	strncpy(interface, name, sizeof interface - 1);
	pid_t pid = fork();
	if (pid < 0)
		say("%s: cannot ask for an address: %s", interface, strerror(errno));
	if (pid == 0)
		dhcp_run(interface, ready);
	pid = fork();
	if (pid < 0)
		say("%s: cannot ask for an address of IPv6: %s", interface, strerror(errno));
	if (pid == 0) {
		close(ready);
		dhcp6_run(interface);
	}
}

static void start_dynamic(void)
{
	int ready[2];
	DIR *folder = opendir("/sys/class/net");
	struct dirent *entry;
	int count = 0;
	if (folder == NULL || pipe2(ready, O_CLOEXEC) < 0) {
		say("cannot look for network cards: %s", strerror(errno));
		return;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= IFNAMSIZ || !is_ethernet(entry->d_name))
			continue;
		bring_up(entry->d_name);
		start_client(entry->d_name, ready[1]);
		count++;
	}
	closedir(folder);
	close(ready[1]);
	struct pollfd waiting = {.fd = ready[0], .events = POLLIN};
	if (count == 0)
		say("there is no network card");
	else if (poll(&waiting, 1, NETWORK_WAIT) <= 0)
		say("no address yet; the command starts without a network");
	close(ready[0]);
}

void network_start(void)
{
	struct failure failure;
	char *kind = field_text(configuration, TAG_NETWORK_KIND);
	if (kind != NULL && strcmp(kind, "dhcp") == 0)
		start_dynamic();
	else if (kind != NULL && strcmp(kind, "static") == 0 && netsetup_apply(configuration, &failure) < 0)
		say("%s", failure.message);
	free(kind);
}

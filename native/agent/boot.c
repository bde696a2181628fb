#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "netsetup.h"

static const char port_name[] = "org.duet.agent";

/* Loads the modules in the order of their names, and frees the memory that their files take. */
static void load_modules(void)
{
	struct dirent **entries;
	int count = scandir("/modules", &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[512];
		snprintf(path, sizeof path, "/modules/%s", entries[i]->d_name);
		if (entries[i]->d_name[0] != '.') {
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST && errno != ENODEV)
				fprintf(stderr, "duet-agent: module %s: %m\n", entries[i]->d_name);
			close(fd);
			unlink(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

static int mount_at(const char *source, const char *target, const char *type, unsigned long flags, const char *data)
{
	mkdir(target, 0755);
	if (mount(source, target, type, flags, data) == 0 || errno == EBUSY)
		return 0;
	fprintf(stderr, "duet-agent: mount %s: %m\n", target);
	return -1;
}

static int make_tree(void)
{
	const unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	if (mount_at("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0 ||
	    mount_at("proc", "/proc", "proc", plain, NULL) < 0 ||
	    mount_at("sysfs", "/sys", "sysfs", plain, NULL) < 0 ||
	    mount_at("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
		return -1;
	if (mount_at("cgroup2", "/sys/fs/cgroup", "cgroup2", plain, NULL) == 0) {
		int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
		if (fd >= 0 && write(fd, "+pids +memory", 13) < 0)
			fprintf(stderr, "duet-agent: cgroup controllers: %m\n");
		close(fd);
		mkdir(AGENT_CGROUP, 0755);
		agent.cgroup = open(AGENT_CGROUP, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	mkdir("/run/duet", 0700);
	return mkdir(AGENT_ROOT, 0700) | mkdir(AGENT_FILES, 0700) | mkdir(AGENT_SHARES, 0700);
}

/* The port whose name is ours; hosts may give the guest more of them. */
static int open_port(void)
{
	DIR *ports = opendir("/sys/class/virtio-ports");
	int found = -1;
	struct dirent *entry;
	while (ports != NULL && found < 0 && (entry = readdir(ports)) != NULL) {
		char path[600], name[64] = "";
		snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t size = fd < 0 ? -1 : read(fd, name, sizeof name - 1);
		close(fd);
		if (size <= 0)
			continue;
		name[strcspn(name, "\n")] = 0;
		if (strcmp(name, port_name) != 0)
			continue;
		snprintf(path, sizeof path, "/dev/%s", entry->d_name);
		found = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (ports != NULL)
		closedir(ports);
	return found;
}

static int open_uevents(void)
{
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = 1};
	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_loop(void)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
		return -1;
	signal(SIGPIPE, SIG_IGN);
	agent.signals.fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	agent.epoll = epoll_create1(EPOLL_CLOEXEC);
	agent.own_pid_namespace = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	return agent.signals.fd < 0 || agent.epoll < 0 || agent.own_pid_namespace < 0 ? -1 : 0;
}

/* The kernel's default of 1024 would be the workload's too; Docker's daemon gives this. */
static void raise_limits(void)
{
	struct rlimit files = {1048576, 1048576};
	setrlimit(RLIMIT_NOFILE, &files);
	struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	setrlimit(RLIMIT_NPROC, &unlimited);
	setrlimit(RLIMIT_CORE, &unlimited);
}

static void protect_from_oom(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && write(fd, "-1000", 5) < 0)
		fprintf(stderr, "duet-agent: oom_score_adj: %m\n");
	close(fd);
}

int boot_guest(void)
{
	struct failure failure;
	umask(022);
	if (make_tree() < 0)
		return -1;
	load_modules();
	raise_limits();
	protect_from_oom();
	agent.uevents = open_uevents();
	agent.port.fd = open_port();
	if (agent.port.fd < 0)
		fprintf(stderr, "duet-agent: no port %s: %m\n", port_name);
	if (netsetup_loopback(&failure) < 0)
		fprintf(stderr, "duet-agent: %s\n", failure.message);
	return agent.port.fd < 0 ? -1 : make_loop();
}

int boot_test(int port)
{
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0 || mkdir("/run/duet", 0700) < 0 ||
	    mkdir(AGENT_ROOT, 0700) < 0 || mkdir(AGENT_FILES, 0700) < 0 || mkdir(AGENT_SHARES, 0700) < 0 ||
	    fcntl(port, F_SETFL, fcntl(port, F_GETFL) | O_NONBLOCK) < 0 || fcntl(port, F_SETFD, FD_CLOEXEC) < 0) {
		perror("duet-agent: test set-up");
		return -1;
	}
	agent.port.fd = port;
	return make_loop();
}

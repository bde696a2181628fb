#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot.h"
#include "netsetup.h"
#include "protocol.h"

struct span configuration;
int end_action = RB_POWER_OFF;

static int read_configuration(void)
{
	int fd = open("/duet/boot", O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0 || status.st_size == 0)
		return -1;
	/* A copy: the file goes with the initramfs. */
	uint8_t *data = malloc((size_t)status.st_size);
	ssize_t size = data == NULL ? -1 : read(fd, data, (size_t)status.st_size);
	close(fd);
	if (size != status.st_size)
		return -1;
	configuration = (struct span){data, (size_t)size};
	return fields_valid(configuration) ? 0 : -1;
}

static void set_hostname(void)
{
	struct span name;
	if (field_find(configuration, TAG_HOSTNAME, &name) && sethostname((const char *)name.data, name.size) < 0)
		say("cannot set the host's name: %s", strerror(errno));
}

static void make_kernel_tree(void)
{
	const unsigned long plain = MS_NOSUID | MS_NOEXEC | MS_NODEV;
	static const char *const folders[] = {"/dev", "/proc", "/sys", "/run"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		mkdir(folders[i], 0755);
	if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID, "mode=0755") < 0 && errno != EBUSY)
		say("cannot mount /dev: %s", strerror(errno));
	mount("proc", "/proc", "proc", plain, NULL);
	mount("sysfs", "/sys", "sysfs", plain, NULL);
	mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755");
}

static void finish(int action)
{
	sync();
	root_leave();
	reboot(action);
	for (;;)
		pause();
}

/* Nothing can be run: a person may want to read why before the machine is gone. */
static void give_up(const char *what)
{
	say("cannot go on: %s", what);
	finish(RB_HALT_SYSTEM);
}

int main(int count, char **arguments)
{
	struct failure failure;
	if (getpid() != 1) {
		fprintf(stderr, "duet-boot is the first process of a disk made from an image; it does nothing elsewhere\n");
		return 2;
	}
	umask(022);
	signal(SIGPIPE, SIG_IGN);
	make_kernel_tree();
	console_open();
	/* Ctrl-Alt-Del is a signal instead of a reboot. */
	reboot(RB_DISABLE_CAD);
	if (read_configuration() < 0)
		give_up("the initramfs has no configuration of Duet");
	if (devices_open() < 0)
		give_up("the initramfs has no list of modules");
	if (root_mount(&failure) < 0)
		give_up(failure.message);
	devices_forget();
	if (root_enter(&failure) < 0)
		give_up(failure.message);
	set_hostname();
	if (netsetup_loopback(&failure) < 0)
		say("%s", failure.message);
	files_prepare();
	if (field_number(configuration, TAG_INIT, 0) == 1) {
		command_become();
		give_up("the image's own init cannot be run");
	}
	network_start();
	int code = command_run();
	if (code >= 0)
		say("the command ended with exit code %d", code);
	finish(end_action);
}

#include "probe.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

/* First line of a small file without its newline; empty when it cannot be read. */
static void first_line(const char *path, char *line, size_t size) {
  line[0] = 0;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  ssize_t got = read(file, line, size - 1);
  close(file);
  line[got < 0 ? 0 : got] = 0;
  line[strcspn(line, "\n")] = 0;
}

typedef int (*counts)(const char *folder, const struct dirent *entry);

static int is_any(const char *folder, const struct dirent *entry) { return entry->d_name[0] != '.'; }

static int is_process(const char *folder, const struct dirent *entry) {
  return isdigit((unsigned char)entry->d_name[0]) != 0;
}

static int is_device(const char *folder, const struct dirent *entry) {
  char path[512];
  struct stat status;
  snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
  return lstat(path, &status) == 0 && (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode));
}

static long count(const char *folder, counts wanted) {
  DIR *open_folder = opendir(folder);
  if (open_folder == NULL) return -1;
  long number = 0;
  for (struct dirent *entry = readdir(open_folder); entry != NULL; entry = readdir(open_folder)) {
    number += wanted(folder, entry);
  }
  closedir(open_folder);
  return number;
}

static void report_namespaces(void) {
  static const char *const names[] = {"mnt", "pid", "net", "uts", "ipc", "user", "cgroup", "time"};
  for (size_t at = 0; at < sizeof names / sizeof names[0]; at++) {
    char path[64], target[64], fact[32];
    snprintf(path, sizeof path, "/proc/self/ns/%s", names[at]);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = 0;
    snprintf(fact, sizeof fact, "namespace-%s", names[at]);
    report_text(fact, target);
  }
}

static void report_status(void) {
  FILE *status = fopen("/proc/self/status", "re");
  if (status == NULL) return;
  char line[256];
  while (fgets(line, sizeof line, status) != NULL) {
    char value[64];
    if (sscanf(line, "CapEff: %63s", value) == 1) report_text("capabilities", value);
    if (sscanf(line, "Seccomp: %63s", value) == 1) report_text("seccomp", value);
  }
  fclose(status);
}

/* What a root user inside can really open for the use that would matter. Nothing is written. */
static void report_reach(void) {
  static const struct {
    const char *path;
    int flags;
  } doors[] = {
      {"/dev/mem", O_RDWR},          {"/dev/kmsg", O_RDONLY},         {"/dev/kvm", O_RDWR},
      {"/proc/kcore", O_RDONLY},     {"/proc/sysrq-trigger", O_WRONLY}, {"/proc/sys/kernel/core_pattern", O_WRONLY},
      {"/proc/kallsyms", O_RDONLY},  {"/sys/kernel/uevent_helper", O_WRONLY}, {"/sys/fs/cgroup/cgroup.procs", O_WRONLY},
      {"/sys/fs/bpf", O_RDONLY | O_DIRECTORY}, {"/sys/kernel/debug", O_RDONLY | O_DIRECTORY}, {"/dev/sda", O_RDWR},
      {"/dev/vda", O_RDWR},          {"/dev/nvme0n1", O_RDWR},
  };
  long reached = 0;
  for (size_t at = 0; at < sizeof doors / sizeof doors[0]; at++) {
    int file = open(doors[at].path, doors[at].flags | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) continue;
    close(file);
    reached++;
    report_text("reaches", doors[at].path);
  }
  report_number("doors-open", reached);
}

void report_facts(void) {
  struct utsname system;
  if (uname(&system) == 0) {
    report_text("kernel", system.release);
    report_text("hostname", system.nodename);
  }
  char line[256];
  first_line("/proc/1/comm", line, sizeof line);
  report_text("pid1", line);
  first_line("/proc/sys/kernel/random/boot_id", line, sizeof line);
  report_text("boot", line);
  report_number("own-pid", (long)getpid());
  report_number("user", (long)getuid());
  report_number("processes", count("/proc", is_process));
  report_number("devices", count("/dev", is_device));
  report_number("cgroup-entries", count("/sys/fs/cgroup", is_any));
  report_number("kernel-modules", count("/sys/module", is_any));
  report_number("interfaces", count("/sys/class/net", is_any));
  report_namespaces();
  report_status();
  report_reach();
  fflush(stdout);
}

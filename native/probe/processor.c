#include "probe.h"

#include <errno.h>
#include <spawn.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile uint64_t sink;

/* A chain of dependent integer operations: no memory, no branches that could be guessed wrong. */
static void work(int rounds) {
  uint64_t value = sink | 1;
  for (int round = 0; round < rounds; round++) {
    value ^= value << 13;
    value ^= value >> 7;
    value ^= value << 17;
    value *= 0x9e3779b97f4a7c15u;
  }
  sink = value;
}

void measure_processor(int milliseconds) {
  const int batch = 100000;
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t done = 0;
  uint64_t time;
  do {
    work(batch);
    done += batch;
    time = now();
  } while (time < end);
  report_sample("processor", (double)done * 1e3 / (double)(time - start), "Mop/s");
}

void measure_syscall(int milliseconds) {
  const int batch = 1000;
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t calls = 0;
  uint64_t time;
  do {
    for (int call = 0; call < batch; call++) syscall(SYS_getppid);
    calls += batch;
    time = now();
  } while (time < end);
  report_sample("syscall", (double)(time - start) / (double)calls, "ns");
}

extern char **environ;

void measure_spawn(const char *self) {
  char *arguments[] = {(char *)self, "nothing", NULL};
  uint64_t start = now();
  pid_t child;
  int failure = posix_spawn(&child, self, NULL, NULL, arguments, environ);
  if (failure != 0) {
    report_missing("spawn", "posix_spawn", failure);
    return;
  }
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  report_sample("spawn", (double)(now() - start) / 1e6, "ms");
}

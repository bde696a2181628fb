#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK (64 * 1024)
#define LARGEST ((uint64_t)64 * 1024 * 1024)

static char block[BLOCK];

/* Writes for the time given or up to LARGEST, then syncs; gives the bytes written, 0 on failure. */
static uint64_t write_phase(int file, int milliseconds) {
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t bytes = 0;
  while (bytes < LARGEST && now() < end) {
    ssize_t written = write(file, block, BLOCK);
    if (written < 0) {
      report_missing("file-write", "write", errno);
      return 0;
    }
    bytes += (uint64_t)written;
  }
  if (fdatasync(file) < 0) {
    report_missing("file-write", "fdatasync", errno);
    return 0;
  }
  report_sample("file-write", (double)bytes * 1e3 / (double)(now() - start), "MB/s");
  return bytes;
}

static void sync_phase(int file) {
  uint64_t start = now();
  if (pwrite(file, block, 4096, 0) != 4096 || fdatasync(file) < 0) report_missing("file-sync", "fdatasync", errno);
  else report_sample("file-sync", (double)(now() - start) / 1e6, "ms");
}

/* From the page cache of whoever serves the file system. */
static void read_phase(int file, int milliseconds) {
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t bytes = 0;
  while (now() < end) {
    ssize_t got = read(file, block, BLOCK);
    if (got < 0) {
      report_missing("file-read", "read", errno);
      return;
    }
    if (got == 0 && lseek(file, 0, SEEK_SET) < 0) break;
    bytes += (uint64_t)got;
  }
  report_sample("file-read", (double)bytes * 1e3 / (double)(now() - start), "MB/s");
}

void measure_files(const char *folder, int milliseconds) {
  char path[4096];
  int length = snprintf(path, sizeof path, "%s/.duet-probe-XXXXXX", strcmp(folder, "/") == 0 ? "" : folder);
  if (length < 0 || (size_t)length >= sizeof path) return;
  int file = mkstemp(path);
  if (file < 0) {
    report_missing("files", folder, errno);
    return;
  }
  unlink(path);
  memset(block, 0x5a, sizeof block);
  if (write_phase(file, milliseconds) > 0) {
    sync_phase(file);
    if (lseek(file, 0, SEEK_SET) == 0) read_phase(file, milliseconds);
  }
  close(file);
}

#include "probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client's first byte chooses: 'p' echoes each byte, 's' takes everything in. */
#define PING 'p'
#define SINK 's'

static char buffer[64 * 1024];

static void answer(int client) {
  int one = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  char mode;
  if (read(client, &mode, 1) != 1) return;
  for (;;) {
    ssize_t got = read(client, buffer, mode == PING ? 1 : sizeof buffer);
    if (got < 0) return;
    if (got == 0) break;
    if (mode == PING && write(client, buffer, 1) != 1) return;
  }
  if (mode == SINK) (void)!write(client, "k", 1);
}

int serve(int port) {
  signal(SIGCHLD, SIG_IGN);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
      bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 8) < 0) {
    report_missing("serve", "listen", errno);
    return 1;
  }
  report_text("serving", "tcp");
  fflush(stdout);
  for (;;) {
    int client = accept(listener, NULL, NULL);
    if (client < 0) continue;
    if (fork() == 0) {
      close(listener);
      answer(client);
      _exit(0);
    }
    close(client);
  }
}

static int dial(const char *host, int port, char mode) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) {
    errno = EINVAL;
    return -1;
  }
  int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection < 0) return -1;
  struct timeval limit = {.tv_sec = 5};
  int one = 1;
  setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0 && write(connection, &mode, 1) == 1) {
    return connection;
  }
  int failure = errno;
  close(connection);
  errno = failure;
  return -1;
}

static void measure_round_trip(const char *host, int port, int milliseconds) {
  int connection = dial(host, port, PING);
  if (connection < 0) {
    report_missing("network-latency", host, errno);
    return;
  }
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t trips = 0;
  char byte = 'x';
  do {
    if (write(connection, &byte, 1) != 1 || read(connection, &byte, 1) != 1) {
      report_missing("network-latency", host, errno);
      close(connection);
      return;
    }
    trips++;
  } while (now() < end);
  report_sample("network-latency", (double)(now() - start) / 1e3 / (double)trips, "us");
  close(connection);
}

static void measure_throughput(const char *host, int port, int milliseconds) {
  int connection = dial(host, port, SINK);
  if (connection < 0) {
    report_missing("network-throughput", host, errno);
    return;
  }
  uint64_t start = now();
  uint64_t end = start + (uint64_t)milliseconds * 1000000u;
  uint64_t bytes = 0;
  ssize_t sent = 0;
  while (now() < end && (sent = write(connection, buffer, sizeof buffer)) > 0) bytes += (uint64_t)sent;
  /* The other side answers once it has everything: what only lies in our buffers does not count as sent. */
  char done;
  shutdown(connection, SHUT_WR);
  if (sent < 0 || read(connection, &done, 1) != 1) report_missing("network-throughput", host, errno);
  else report_sample("network-throughput", (double)bytes * 1e3 / (double)(now() - start), "MB/s");
  close(connection);
}

void measure_network(const char *address, int port, int milliseconds) {
  measure_round_trip(address, port, milliseconds);
  measure_throughput(address, port, milliseconds);
}

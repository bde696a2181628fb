/* duet-probe: measures from inside a workload. See probe.h for what it prints.
 *
 *   duet-probe all ROUNDS MILLISECONDS FOLDER [ADDRESS PORT]   facts, then ROUNDS samples of each metric
 *   duet-probe serve PORT                                      the other end of the network metrics
 *   duet-probe idle                                            prints a line and waits to be killed
 *   duet-probe nothing                                         ends at once
 */
#include "probe.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int number(const char *text, int least, int most) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < least || value > most) {
    fprintf(stderr, "duet-probe: %s is not a number from %d to %d\n", text, least, most);
    exit(2);
  }
  return (int)value;
}

static int all(int argc, char **argv) {
  int rounds = number(argv[2], 1, 1000);
  int milliseconds = number(argv[3], 1, 10000);
  const char *folder = argv[4];
  report_facts();
  for (int round = 0; round < rounds; round++) {
    measure_processor(milliseconds);
    measure_syscall(milliseconds);
    measure_spawn("/proc/self/exe");
    measure_files(folder, milliseconds);
    if (argc == 7) measure_network(argv[5], number(argv[6], 1, 65535), milliseconds);
  }
  report_text("done", "");
  fflush(stdout);
  return 0;
}

int main(int argc, char **argv) {
  const char *verb = argc > 1 ? argv[1] : "";
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(verb, "nothing") == 0) return 0;
  if (strcmp(verb, "all") == 0 && (argc == 5 || argc == 7)) return all(argc, argv);
  if (strcmp(verb, "serve") == 0 && argc == 3) return serve(number(argv[2], 1, 65535));
  if (strcmp(verb, "idle") == 0) {
    report_text("idle", "");
    fflush(stdout);
    for (;;) pause();
  }
  fprintf(stderr, "duet-probe: all ROUNDS MILLISECONDS FOLDER [ADDRESS PORT] | serve PORT | idle | nothing\n");
  return 2;
}

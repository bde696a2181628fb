/* duet-probe measures from inside. Every result is one line of JSON on standard output:
 *   {"metric":"syscall","value":123.4,"unit":"ns"}   a sample
 *   {"fact":"kernel","text":"6.1.0"} {"fact":"devices","number":15}   what it sees
 *   {"missing":"network","reason":"..."}   what could not be measured
 */
#ifndef DUET_PROBE_H
#define DUET_PROBE_H

#include <stdint.h>

/* Monotonic nanoseconds. */
uint64_t now(void);

void report_sample(const char *metric, double value, const char *unit);
void report_text(const char *fact, const char *text);
void report_number(const char *fact, long number);
/* `number` is an errno, or 0 when `what` says it all. */
void report_missing(const char *metric, const char *what, int number);

/* One sample of each; they take about `milliseconds` each. */
void measure_processor(int milliseconds);
void measure_syscall(int milliseconds);
void measure_spawn(const char *self);
/* Writes, syncs and reads a file in `folder`, which is removed again. */
void measure_files(const char *folder, int milliseconds);
/* Round trips and throughput to `probe serve` at an IPv4 address. */
void measure_network(const char *address, int port, int milliseconds);

/* Answers any number of measure_network clients, until killed. Returns an exit code on failure. */
int serve(int port);

void report_facts(void);

#endif

#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* JSON string of bytes that may be anything: what is not plain ASCII becomes an escape. */
static void print_text(const char *text) {
  putchar('"');
  for (const unsigned char *at = (const unsigned char *)text; *at != 0; at++) {
    if (*at == '"' || *at == '\\') printf("\\%c", *at);
    else if (*at < 0x20 || *at > 0x7e) printf("\\u%04x", *at);
    else putchar(*at);
  }
  putchar('"');
}

void report_sample(const char *metric, double value, const char *unit) {
  printf("{\"metric\":\"%s\",\"value\":%.3f,\"unit\":\"%s\"}\n", metric, value, unit);
  fflush(stdout);
}

void report_text(const char *fact, const char *text) {
  printf("{\"fact\":\"%s\",\"text\":", fact);
  print_text(text);
  printf("}\n");
}

void report_number(const char *fact, long number) {
  printf("{\"fact\":\"%s\",\"number\":%ld}\n", fact, number);
}

void report_missing(const char *metric, const char *what, int number) {
  printf("{\"missing\":\"%s\",\"reason\":", metric);
  char reason[256];
  snprintf(reason, sizeof reason, "%s%s%s", what, number == 0 ? "" : ": ", number == 0 ? "" : strerror(number));
  print_text(reason);
  printf("}\n");
  fflush(stdout);
}

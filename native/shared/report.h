/* What a child that is about to become a program tells its parent, over a SOCK_SEQPACKET socket pair. */
#ifndef DUET_REPORT_H
#define DUET_REPORT_H

#include <stdint.h>

#include "failure.h"

enum report_kind { REPORT_READY = 1, REPORT_FAILED = 2, REPORT_PID = 3 };

struct report {
	uint32_t kind;
	int32_t number; /* errno of REPORT_FAILED, process id of REPORT_PID */
	char class[32];
	char code[64];
	char message[1024];
};

/* All is prepared; `terminal` is the pseudo-terminal's master, or -1. */
void report_ready(int socket, int terminal);
void report_failed(int socket, const struct failure *failure);
void report_pid(int socket, int pid);

/* 1 a report, 0 end of file (the program runs), -1 nothing yet. `terminal` gets a descriptor or -1. */
int report_receive(int socket, struct report *report, int *terminal);

/* The failure that a REPORT_FAILED tells; it borrows the report's texts. */
void report_failure(const struct report *report, struct failure *failure);

#endif

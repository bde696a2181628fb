/*
 * duet-agent: as PID 1 of a guest it boots and serves the virtio-serial port. For tests,
 * `duet-agent --serve FD ROOT` serves a descriptor as a plain process whose root disk is a directory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent.h"

int main(int count, char **arguments)
{
	if (count == 2 && strcmp(arguments[1], "--rehearse") == 0)
		return rehearse(arguments[0]);
	if (count == 2 && strcmp(arguments[1], "--rehearsed") == 0)
		return write(1, ".", 1) != 1;
	if (count == 4 && strcmp(arguments[1], "--serve") == 0) {
		agent.test_root = arguments[3];
		if (boot_test((int)strtoul(arguments[2], NULL, 10)) < 0)
			return 1;
		return loop_run() < 0;
	}
	if (getpid() != 1) {
		fprintf(stderr, "duet-agent is the first process of a Duet VM; it does nothing elsewhere\n");
		return 2;
	}
	agent.guest = true;
	if (boot_guest() < 0 || loop_run() < 0)
		fprintf(stderr, "duet-agent: cannot go on: %m\n");
	/* PID 1 that ends is a kernel panic, and `panic=-1` ends QEMU with it. */
	return 1;
}

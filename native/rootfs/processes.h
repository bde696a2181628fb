#ifndef DUET_ROOTFS_PROCESSES_H
#define DUET_ROOTFS_PROCESSES_H

/* Exit code where ps was not even run. */
enum { EXIT_UNSHOWN = 125 };

/* Runs ps with these arguments (the first is its own name) over the files on stdin; gives its exit code. */
int show_processes(char **arguments);

#endif

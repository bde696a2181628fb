#ifndef ROOTFS_NAMES_H
#define ROOTFS_NAMES_H

#include <dirent.h>
#include <stddef.h>

/* The names in a folder but `.` and `..`, in the order of their bytes. */
struct names {
	char **sorted;
	size_t count;
	char *text;
	size_t used, capacity;
};

/* Reads all of `listing`; -1 with errno where memory or the disk fails. Call names_free in any case. */
int names_read(struct names *names, DIR *listing);
void names_free(struct names *names);

#endif

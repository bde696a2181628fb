/* What QEMU prints: nobody reads while it runs; what the pipe does not hold is lost, and no disk fills. */
#ifndef DUET_WORDS_H
#define DUET_WORDS_H

#include <stddef.h>

/* A pipe: the end for QEMU, and ours into `ours`. -1 with errno. */
int words_open(int *ours);
/* The last line of the first that was printed, as much as the pipe holds; or "". */
void words_last(int ours, char *out, size_t size);

#endif

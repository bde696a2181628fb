/* What a memory cgroup tells. */
#ifndef DUET_MEMORY_H
#define DUET_MEMORY_H

#include <stdbool.h>

/* Whether the kernel has killed a process of this cgroup (v1 or v2 folder, or NULL) for lack of memory. */
bool memory_had_oom_kill(const char *folder);

#endif

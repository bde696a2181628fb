/* Times as the protocol and deadlines have them: in whole milliseconds. */
#ifndef DUET_CLOCK_H
#define DUET_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t clock_milliseconds(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For deadlines: nobody sets this clock. */
static inline int64_t milliseconds_now(void)
{
	return clock_milliseconds(CLOCK_MONOTONIC);
}

/* Since 1970, for what is told. */
static inline int64_t wall_milliseconds(void)
{
	return clock_milliseconds(CLOCK_REALTIME);
}

#endif

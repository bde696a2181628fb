/* The same numbers at every run of a fuzzer (xorshift64). */
#ifndef DUET_FUZZ_RANDOM_H
#define DUET_FUZZ_RANDOM_H

#include <stdint.h>

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return limit ? (uint32_t)(random_state >> 32) % limit : 0;
}

#endif

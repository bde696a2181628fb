/* What every clone of a template must have of its own: random state, clock, names. */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent.h"

enum { ENTROPY_LEAST = 32, ENTROPY_MOST = 512 };

/* random(4): RNDADDENTROPY credits the bytes, RNDRESEEDCRNG makes getrandom(2) use them at once. */
static int reseed(struct span entropy, struct failure *failure)
{
	struct {
		int bits;
		int size;
		uint8_t bytes[ENTROPY_MOST];
	} pool;
	if (entropy.size < ENTROPY_LEAST || entropy.size > ENTROPY_MOST)
		return fail_as(failure, "invalid", "ENTROPY_INVALID", 0, "SETUP needs 32 to 512 bytes of entropy");
	pool.bits = (int)entropy.size * 8;
	pool.size = (int)entropy.size;
	memcpy(pool.bytes, entropy.data, entropy.size);
	int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0) {
		int number = errno;
		close(fd);
		return fail(failure, "ENTROPY_FAILED", number, "cannot reseed the guest's random numbers");
	}
	close(fd);
	explicit_bzero(&pool, sizeof pool);
	return 0;
}

static int set_clock(uint64_t nanoseconds, struct failure *failure)
{
	struct timespec now = {
		.tv_sec = (time_t)(nanoseconds / 1000000000),
		.tv_nsec = (long)(nanoseconds % 1000000000),
	};
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return fail(failure, "CLOCK_FAILED", errno, "cannot set the guest's clock");
	return 0;
}

static int set_name(struct span fields, uint16_t tag, int (*set)(const char *, size_t), struct failure *failure)
{
	struct span name;
	if (!field_find(fields, tag, &name))
		return 0;
	if (set((const char *)name.data, name.size) < 0)
		return fail_as(failure, "invalid", "HOSTNAME_INVALID", errno, "cannot set the guest's name");
	return 0;
}

int identity_apply(struct span fields, struct failure *failure)
{
	struct span entropy;
	uint64_t clock = field_number(fields, TAG_CLOCK, 0);
	if (agent.guest && field_find(fields, TAG_ENTROPY, &entropy) && reseed(entropy, failure) < 0)
		return -1;
	if (agent.guest && clock != 0 && set_clock(clock, failure) < 0)
		return -1;
	if (set_name(fields, TAG_HOSTNAME, sethostname, failure) < 0)
		return -1;
	return set_name(fields, TAG_DOMAINNAME, setdomainname, failure);
}

/*
 * Feeds the operation decoder with seeds and mutations of them, on an empty tree:
 *     rootfs-fuzz DIRECTORY ROUNDS SEED...
 * DIRECTORY must be empty and is worked in; canaries outside are the test's affair.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "operations.h"
#include "random.h"

#define MAX_INPUT (1u << 20)

static void serve(const uint8_t *data, size_t size, int root)
{
	int in = memfd_create("in", MFD_CLOEXEC), out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (in < 0 || out < 0 || write(in, data, size) != (ssize_t)size || lseek(in, 0, SEEK_SET) < 0)
		abort();
	rootfs_serve_beside(in, out, root, root);
	close(in);
	close(out);
}

static void mutate(uint8_t *data, size_t *size)
{
	for (uint32_t times = 1 + random_below(4); times && *size; times--) {
		uint32_t at = random_below((uint32_t)*size);
		switch (random_below(4)) {
		case 0:
			data[at] = (uint8_t)random_below(256);
			break;
		case 1:
			data[at] ^= (uint8_t)(1u << random_below(8));
			break;
		case 2:
			*size = at;
			break;
		default:
			data[at] = random_below(2) ? 0xff : 0;
		}
	}
}

int main(int argc, char **argv)
{
	static uint8_t seed[MAX_INPUT], input[MAX_INPUT];
	if (argc < 4)
		return 2;
	int root = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	long rounds = strtol(argv[2], NULL, 10);
	for (int index = 3; index < argc && root >= 0; index++) {
		FILE *file = fopen(argv[index], "rb");
		if (!file)
			return 2;
		size_t seed_size = fread(seed, 1, sizeof seed, file);
		fclose(file);
		serve(seed, seed_size, root);
		for (long round = 0; round < rounds; round++) {
			size_t size = seed_size;
			memcpy(input, seed, size);
			mutate(input, &size);
			serve(input, size, root);
		}
	}
	return root < 0 ? 2 : 0;
}

/* Swaps two names as fast as it can, until it is killed: what a hostile workload does while a copy runs. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RENAME_EXCHANGE 2 /* linux/fs.h */

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	puts("swapping");
	fflush(stdout);
	for (;;)
		if (syscall(SYS_renameat2, AT_FDCWD, argv[1], AT_FDCWD, argv[2], RENAME_EXCHANGE) < 0)
			return 1;
}

/*
 * Loaded into QEMU before 8.2 (LD_PRELOAD): it opens a memory file for writing even when it maps it
 * privately, which a read-only mount rightly refuses. What cannot be opened for writing there is opened
 * for reading. That grants nothing: the mount is what protects the file, with or without this.
 * Not linked with any C library, so that it runs with the one that QEMU has.
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>

static const char memory[] = "/template/memory";

static long system_call(long number, long a, long b, long c, long d)
{
	long result;
#if defined(__x86_64__)
	register long fourth __asm__("r10") = d;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
			 : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	result = x0;
#else
#error no system call for this processor
#endif
	return result;
}

extern int *__errno_location(void);

static int is_memory(const char *path)
{
	for (unsigned i = 0; i < sizeof memory; i++)
		if (path[i] != memory[i])
			return 0;
	return 1;
}

static int open_as(const char *path, int flags, unsigned mode)
{
	int chosen = is_memory(path) ? (flags & ~O_ACCMODE) | O_RDONLY : flags;
	long result = system_call(__NR_openat, AT_FDCWD, (long)path, chosen | O_LARGEFILE, mode);
	if (result >= 0)
		return (int)result;
	*__errno_location() = (int)-result;
	return -1;
}

int open64(const char *path, int flags, ...);
int __open64_2(const char *path, int flags);

int open64(const char *path, int flags, ...)
{
	unsigned mode = 0;
	if (flags & (O_CREAT | O_TMPFILE)) {
		__builtin_va_list rest;
		__builtin_va_start(rest, flags);
		mode = __builtin_va_arg(rest, unsigned);
		__builtin_va_end(rest);
	}
	return open_as(path, flags, mode);
}

int __open64_2(const char *path, int flags)
{
	return open_as(path, flags, 0);
}

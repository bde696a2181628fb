#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "enter.h"
#include "make.h"

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "say which architecture seccomp sees"
#endif

/* What operations call, and what the C library calls for them. No exec, socket, mount, ptrace or new process. */
static const int allowed_calls[] = {
	SYS_read, SYS_write, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_close, SYS_fstat, SYS_newfstatat, SYS_lseek,
	SYS_openat, SYS_openat2, SYS_mkdirat, SYS_mknodat, SYS_symlinkat, SYS_linkat, SYS_unlinkat, SYS_readlinkat,
	SYS_fchown, SYS_fchownat, SYS_fchmod, SYS_utimensat, SYS_ftruncate, SYS_fcntl, SYS_fchdir, SYS_syncfs,
	SYS_fsetxattr, SYS_fgetxattr, SYS_flistxattr, SYS_lsetxattr, SYS_lgetxattr, SYS_llistxattr, SYS_getdents64,
	SYS_fstatfs, SYS_umask, SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_exit, SYS_exit_group,
	SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_restart_syscall, SYS_statx, CALL_FCHMODAT2,
#if defined(__x86_64__)
	/* musl's fstatat and open take these shorter ways. */
	SYS_stat, SYS_lstat, SYS_open, SYS_readlink, SYS_unlink, SYS_rmdir,
#endif
};

static int filter_calls(void)
{
	enum { COUNT = sizeof allowed_calls / sizeof *allowed_calls };
	struct sock_filter code[COUNT * 2 + 5];
	size_t size = 0;
	code[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCHITECTURE, 1, 0);
	code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t index = 0; index < COUNT; index++) {
		code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed_calls[index],
							    0, 1);
		code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
	struct sock_fprog program = { (unsigned short)size, code };
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static uint32_t bit(unsigned capability)
{
	return 1u << (capability & 31);
}

int confine(bool layer)
{
	/* All of these are below 32; SETFCAP is 31. */
	uint32_t kept = bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_FOWNER) |
			bit(CAP_FSETID) | bit(CAP_MKNOD) | bit(CAP_SETFCAP);
	/* trusted.* attributes are CAP_SYS_ADMIN's. */
	if (layer)
		kept |= bit(CAP_SYS_ADMIN);
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { kept, kept, 0 }, { 0, 0, 0 } };
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(SYS_capset, &header, data) < 0)
		return -1;
#ifdef DUET_NO_FILTER
	(void)filter_calls;
	return 0;
#else
	return filter_calls();
#endif
}

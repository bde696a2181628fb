/*
 * QEMU's own -sandbox denies what it knows it will not do, from main() on. This list is laid below it,
 * before QEMU's first instruction: what turns a user without privileges into one who reaches the parts
 * of a kernel where privileges are won (namespaces, bpf, io_uring, keys, odd socket families).
 */
#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error no filter for this processor
#endif

enum { X32_BIT = 0x40000000 };

static const unsigned short denied[] = {
	SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_fsopen, SYS_fsconfig,
	SYS_fsmount, SYS_fspick, SYS_move_mount, SYS_open_tree, SYS_mount_setattr, SYS_io_uring_setup,
	SYS_io_uring_enter, SYS_io_uring_register, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
	SYS_add_key, SYS_request_key, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
	SYS_pidfd_getfd, SYS_open_by_handle_at, SYS_kexec_load, SYS_kexec_file_load, SYS_init_module,
	SYS_finit_module, SYS_delete_module, SYS_swapon, SYS_swapoff, SYS_reboot, SYS_acct, SYS_quotactl,
	SYS_syslog, SYS_personality, SYS_msgget, SYS_semget, SYS_shmget, SYS_mq_open,
	SYS_fanotify_init, SYS_vhangup, SYS_sethostname, SYS_setdomainname, SYS_settimeofday, SYS_clock_settime,
	SYS_adjtimex, SYS_clock_adjtime,
#if defined(__x86_64__)
	SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_ustat,
#endif
};

enum { DENIED = sizeof denied / sizeof *denied };

#define LOAD(field) ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)))
#define JUMP(kind, value, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | (kind) | BPF_K, (value), (yes), (no)))
#define ANSWER(value) ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, (value)))
#define REFUSE(number) ANSWER(SECCOMP_RET_ERRNO | (number))

int filter_apply(void)
{
	/* CLONE_NEWTIME is none of clone's flags: there its bit is part of the signal's number. */
	const unsigned namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
				    CLONE_NEWPID | CLONE_NEWNET;
	struct sock_filter program[DENIED * 2 + 24];
	unsigned short size = 0;
	/* Another processor's calling convention has other numbers. */
	program[size++] = LOAD(arch);
	program[size++] = JUMP(BPF_JEQ, ARCHITECTURE, 1, 0);
	program[size++] = ANSWER(SECCOMP_RET_KILL_PROCESS);
	program[size++] = LOAD(nr);
	program[size++] = JUMP(BPF_JGE, X32_BIT, 0, 1);
	program[size++] = REFUSE(ENOSYS);
	/* Its flags are out of a filter's sight; C libraries then use clone. */
	program[size++] = JUMP(BPF_JEQ, SYS_clone3, 0, 1);
	program[size++] = REFUSE(ENOSYS);
	for (int i = 0; i < DENIED; i++) {
		program[size++] = JUMP(BPF_JEQ, denied[i], 0, 1);
		program[size++] = REFUSE(EPERM);
	}
	program[size++] = JUMP(BPF_JEQ, SYS_clone, 0, 2);
	program[size++] = LOAD(args[0]);
	program[size++] = JUMP(BPF_JSET, namespaces, 4, 3);
	program[size++] = JUMP(BPF_JEQ, SYS_socket, 0, 2);
	program[size++] = LOAD(args[0]);
	program[size++] = JUMP(BPF_JEQ, AF_UNIX, 0, 1);
	program[size++] = ANSWER(SECCOMP_RET_ALLOW);
	program[size++] = REFUSE(EPERM);
	struct sock_fprog filter = {.len = size, .filter = program};
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter);
}

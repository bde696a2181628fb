/*
 * Numbers of the workload protocol (docs/internals/protocol.md). `src/spec/workload.ts` holds the
 * same ones; test/spec compares the two by reading this file, so keep the form `NAME = number,`.
 *
 * Tags 1-99 belong to the shim, 100-199 to the agent. A tag means the same in every message.
 */
#ifndef DUET_PROTOCOL_H
#define DUET_PROTOCOL_H

enum {
	PROTOCOL_VERSION = 1,
	FRAME_HEADER_SIZE = 12,
	MAXIMUM_PAYLOAD = 1048576,
	INITIAL_CREDIT = 262144,
	FORWARD_CHANNELS = (int)0x80000000, /* the bit of the channels that the agent opens */
};

enum message_type {
	MESSAGE_HELLO = 1,
	MESSAGE_CONFIGURE = 2,
	MESSAGE_SETUP = 3,
	MESSAGE_NETWORK = 4,
	MESSAGE_CREATE = 5,
	MESSAGE_START = 6,
	MESSAGE_ATTACH = 7,
	MESSAGE_EXEC = 8,
	MESSAGE_WAIT = 9,
	MESSAGE_SIGNAL = 10,
	MESSAGE_RESIZE = 11,
	MESSAGE_STATUS = 12,
	MESSAGE_SHUTDOWN = 13,
	MESSAGE_ROOTFS = 14,
	MESSAGE_SYNC = 15,
	MESSAGE_PROCESSES = 16,
	MESSAGE_CLOSE_STDIN = 17,
	MESSAGE_DETACH = 18,
	MESSAGE_MOUNT = 19,
	MESSAGE_UPDATE = 20,
	MESSAGE_CONNECT = 21,
	MESSAGE_FREEZE = 22,
	MESSAGE_OK = 64,
	MESSAGE_ERROR = 65,
	MESSAGE_STDIN = 66,
	MESSAGE_STDOUT = 67,
	MESSAGE_STDERR = 68,
	MESSAGE_STARTED = 69,
	MESSAGE_EXITED = 70,
	MESSAGE_ENDED = 71,
	MESSAGE_CREDIT = 72,
};

enum tag {
	/* Answers. */
	TAG_VERSION = 1,       /* number */
	TAG_PID = 2,           /* number */
	TAG_STATE = 3,         /* text: new, open, created, running, exited */
	TAG_ERROR_CODE = 4,    /* text: a DuetError code */
	TAG_ERROR_MESSAGE = 5, /* text */
	TAG_ERRNO = 6,         /* number */
	TAG_EXIT_CODE = 7,     /* number, 0-255 */
	TAG_OUT_OF_MEMORY = 8, /* number, 0 or 1 */
	TAG_EXITED_AT = 9,     /* number, milliseconds since the epoch */
	TAG_ERROR_CLASS = 10,  /* text: a DuetError class; "internal" where absent */
	TAG_OUTPUT = 11,       /* bytes: what a program printed */

	/* A process: CREATE and EXEC. */
	TAG_ARGUMENT = 20,    /* text, repeated */
	TAG_ENVIRONMENT = 21, /* text, repeated: NAME=value; in CONFIGURE of a VM: QEMU's, instead of the usual one */
	TAG_DIRECTORY = 22,   /* text: working directory */
	TAG_USER = 23,        /* text as in ProcessSpec.user */
	TAG_GROUP = 24,       /* text, repeated: supplementary groups, names or ids */
	TAG_TERMINAL = 25,    /* number, 0 or 1 */
	TAG_ROWS = 26,        /* number; also RESIZE */
	TAG_COLUMNS = 27,     /* number; also RESIZE */
	TAG_STDIN = 28,       /* number, 0 or 1; also ATTACH: whether this client writes */
	TAG_STDIN_ONCE = 29,  /* number, 0 or 1: the first writer's CLOSE_STDIN closes it for good */
	TAG_PRIVILEGED = 30,  /* number, 0 or 1 */
	TAG_PROCESS_FILE = 31, /* text: EXEC of a container by its OCI runtime: path of the process JSON, removed after use */
	TAG_PROCESS_ID = 32,  /* text: name of an EXEC's files in the run directory */
	TAG_SIGNAL = 33,      /* number */
	TAG_TARGET = 34,      /* number: SIGNAL, RESIZE: channel of an EXEC; the main process where absent */

	/* NETWORK. */
	TAG_IPV6 = 39,        /* number, 0 or 1: whether the device has IPv6 at all; absent: as it is */
	TAG_INTERFACE = 40,   /* group, repeated */
	TAG_DEVICE = 41,      /* text: name as it arrives; "" finds it by TAG_MAC, else the only one */
	TAG_NAME = 42,        /* text: name that it gets */
	TAG_MAC = 43,         /* text: aa:bb:cc:dd:ee:ff */
	TAG_ADDRESS = 44,     /* text, repeated: CIDR */
	TAG_ROUTE = 45,       /* group, repeated */
	TAG_DESTINATION = 46, /* text: CIDR, or "default" */
	TAG_GATEWAY = 47,     /* text: address, or "" for on-link */
	TAG_MTU = 48,         /* number; 0 leaves it */
	TAG_FIRST_MAC = 49,   /* text: the address that the device still bears where none has TAG_MAC yet */

	/* CONFIGURE. */
	TAG_ISOLATION = 50,         /* text: container, vm, or disk for a VM that boots its own; also in STATUS */
	TAG_LOG_PATH = 51,          /* text; absent: no log */
	TAG_LOG_MAXIMUM_SIZE = 52,  /* number, bytes; 0 never rotates */
	TAG_LOG_MAXIMUM_FILES = 53, /* number, at least 1 */
	TAG_EXIT_PATH = 54,         /* text: where the exit record goes */
	TAG_NETWORK_KIND = 55,      /* text: own, none, host or join */
	TAG_MOUNT = 56,             /* group, repeated; also MOUNT and in TAG_JAIL */
	TAG_TYPE = 57,              /* text: overlay, bind, tmpfs, ... */
	TAG_SOURCE = 58,            /* text */
	TAG_MOUNT_POINT = 59,       /* text: absolute path */
	TAG_OPTION = 60,            /* text, repeated */
	TAG_RUNTIME = 61,           /* text, repeated: argv up to and without the runtime's verb */
	TAG_BUNDLE = 62,            /* text: folder of config.json */
	TAG_ID = 63,                /* text: id for the runtime */
	TAG_MEMORY_CGROUP = 64,     /* text: folder of the memory (v1) or unified (v2) cgroup */
	TAG_HOST_MOUNTS = 65,       /* number, 1: keep the host's mount namespace */
	TAG_START_FIFO = 66,        /* text: FIFO whose opening starts the process; absent: run the runtime's start */

	/* CONFIGURE of a VM. */
	TAG_PROGRAM = 70,        /* text, repeated: argv of QEMU */
	TAG_TAP = 71,            /* group, repeated: TAG_DEVICE, TAG_FD, TAG_MAC (of the host's side, optional) */
	TAG_FD = 72,             /* number: descriptor in the child */
	TAG_JAIL = 73,           /* group: TAG_UID, TAG_GID, TAG_MOUNT, TAG_CGROUP, TAG_LIMIT, TAG_ROOT */
	TAG_UID = 74,            /* number; also EXEC of a container */
	TAG_GID = 75,            /* number; also EXEC of a container */
	TAG_CGROUP = 76,         /* text, repeated: paths of cgroup.procs files; also EXEC of a container */
	TAG_LIMIT = 77,          /* group, repeated: TAG_NUMBER (resource), TAG_SOFT, TAG_HARD */
	TAG_NUMBER = 78,         /* number */
	TAG_SOFT = 79,           /* number */
	TAG_HARD = 80,           /* number */
	TAG_AGENT_SOCKET = 81,   /* text: path of the unix socket behind the agent's port */
	TAG_ROOT = 82,           /* text: folder that becomes QEMU's root; "" or absent keeps the host's tree */
	TAG_AGENT_FD = 84,       /* number: instead of TAG_AGENT_SOCKET, QEMU gets the agent port's socket as this descriptor */
	TAG_LISTENER = 85,       /* group, repeated: TAG_SOURCE (path), TAG_FD: QEMU gets a listening socket at that path */
	TAG_HANDED_FILE = 86,    /* group, repeated: TAG_SOURCE (path), TAG_FD: QEMU gets that file, open for reading */

	/* EXEC of a container without TAG_PROCESS_FILE: the shim makes the process itself. */
	TAG_FILTER = 87,         /* bytes: struct sock_filter, repeated; absent: no filter of system calls */

	/* CONFIGURE of a VM that has got its workload. */
	TAG_FORWARD = 88,        /* text, repeated: path of a socket that the guest may connect to by its place in this list */
	TAG_MODE = 89,           /* number: permission bits */
	TAG_KEPT = 90,           /* number, 1: QEMU stays after its process's end until SHUTDOWN, so that the root can be read */

	/* NETWORK of a VM that boots its own disk: what the shim tells it by DHCP, with TAG_HOSTNAME and TAG_DOMAINNAME. */
	TAG_NAMESERVER = 91,     /* text, repeated */

	/* 100-199: the agent's. */

	/* SETUP. */
	TAG_ENTROPY = 100,      /* bytes: fresh random bytes of the host */
	TAG_CLOCK = 101,        /* number: nanoseconds since the epoch */
	TAG_HOSTNAME = 102,     /* text */
	TAG_DOMAINNAME = 103,   /* text */
	TAG_MACHINE_ID = 104,   /* text: 32 hexadecimal digits */
	TAG_DISK = 105,         /* group: TAG_SIZE, TAG_FILE_SYSTEM, TAG_READONLY, of a readonly one TAG_OPTION; the root */
	TAG_SIZE = 106,         /* number, bytes */
	TAG_FILE_SYSTEM = 107,  /* text: ext4 or erofs; of a foreign disk also xfs or btrfs */
	TAG_READONLY = 108,     /* number, 0 or 1 */
	TAG_FILE = 109,         /* group, repeated: TAG_PATH, TAG_CONTENT; laid over the root's own */
	TAG_PATH = 110,         /* text: absolute path inside the root */
	TAG_CONTENT = 111,      /* bytes */
	TAG_GUEST_MOUNT = 112,  /* group, repeated: TAG_TYPE (tmpfs, share or socket), TAG_SOURCE, TAG_MOUNT_POINT, TAG_READONLY, TAG_OPTION; of a socket TAG_UID, TAG_GID, TAG_MODE */
	TAG_PIDS_LIMIT = 113,   /* number; absent or 0: none; also UPDATE, and in the agent's status */
	TAG_SHM_SIZE = 114,     /* number, bytes */
	TAG_REHEARSAL = 115,    /* number, 1: run the process described here too, then undo everything and answer */
	TAG_MEMORY_LIMIT = 116, /* number, bytes; absent or 0: the guest's memory; also UPDATE, and in the agent's status */
	TAG_LINE_REMOVED = 117, /* text, repeated: UPDATE, in a TAG_FILE that SETUP named: every such line goes */
	TAG_LINE_ADDED = 118,   /* text, repeated: UPDATE, in a TAG_FILE that SETUP named: put at its end */

	/* CREATE, and what EXEC takes over from it. */
	TAG_CAPABILITIES = 120,      /* number: bit n is capability n */
	TAG_NO_NEW_PRIVILEGES = 121, /* number, 0 or 1 */
	TAG_MASKED_PATH = 122,       /* text, repeated */
	TAG_READONLY_PATH = 123,     /* text, repeated */
	TAG_INIT = 124,              /* number, 1: an init of ours is PID 1 */
	TAG_SYSCTL = 125,            /* group, repeated: TAG_NAME, TAG_VALUE */
	TAG_VALUE = 126,             /* text */
	TAG_OOM_SCORE = 127,         /* number: oom_score_adj plus 1000 */

	/* STATUS of the agent. */
	TAG_MEMORY_TOTAL = 145,     /* number, bytes */
	TAG_MEMORY_AVAILABLE = 146, /* number, bytes */
	TAG_MEMORY_CACHED = 147,    /* number, bytes */
	TAG_KERNEL_RELEASE = 148,   /* text */
	TAG_PIDS = 150,             /* number: processes and threads of the workload */

	/* FREEZE. */
	TAG_FROZEN = 160, /* number, 0 or 1 */
};

#endif

/*
 * duet-agent: PID 1 of a VM made from an image. One epoll loop that never waits for anything but the
 * loop itself; whatever may take long happens in a child. The host is trusted, but a malformed frame
 * ends the connection and nothing else.
 */
#ifndef DUET_AGENT_H
#define DUET_AGENT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "failure.h"
#include "fields.h"
#include "frame.h"

enum {
	OUTBOX_LIMIT = 4 << 20,   /* bytes queued for the port before it counts as lost */
	OUTBOX_BUSY = 256 << 10,  /* above this no more output is read from processes */
	MAXIMUM_PROCESSES = 1024, /* children of ours at a time */
	READ_SIZE = 32 << 10,
};

/* Where things are in the agent's own tree (a tmpfs of the guest; never the image's). */
#define AGENT_ROOT "/run/duet/root"
#define AGENT_FILES "/run/duet/files"
#define AGENT_SHARES "/run/duet/shares"
#define AGENT_SOCKETS "/run/duet/sockets"
#define AGENT_CGROUP "/sys/fs/cgroup/workload"

enum agent_state { STATE_NEW, STATE_OPEN, STATE_CREATED, STATE_RUNNING, STATE_EXITED };

enum process_kind { PROCESS_MAIN, PROCESS_EXEC, PROCESS_ROOTFS, PROCESS_LISTING, PROCESS_SYNC, PROCESS_FREEZE, PROCESS_FINAL_SYNC };

/* One entry of the loop. `act` may free the watch. */
struct watch {
	int fd;
	uint32_t events; /* what epoll watches now; 0: not registered */
	void (*act)(struct watch *watch, uint32_t events);
	void *owner;
};

struct process {
	struct process *next;
	enum process_kind kind;
	uint32_t channel;
	pid_t pid;
	struct watch report;    /* the child's launch reports, until it has executed */
	struct watch input;     /* towards its stdin */
	struct watch output[2]; /* from its stdout and stderr; a terminal has only the first */
	bool terminal;
	bool launched; /* executed, or ready where it has no program */
	bool exited;
	bool exit_sent;
	bool failed; /* its launch failed, and that was answered */
	bool flushed; /* the main process's root is on disk */
	bool close_input;
	uint32_t start_channel; /* START that waits for the answer; 0 none */
	int status;
	uint8_t *pending; /* input not yet taken by the process: at most INITIAL_CREDIT bytes */
	size_t pending_size;
	size_t pending_capacity;
	struct credit_sender sender;
	struct credit_receiver receiver;
};

struct agent {
	int epoll;
	struct watch port;
	struct watch signals;
	struct decoder decoder;
	struct outbox outbox;
	struct process *processes;
	struct process *main;
	enum agent_state state;
	bool guest; /* PID 1 of a VM; false in tests, where the agent is a plain process */
	bool rehearsal;
	bool connection_lost;
	const char *test_root; /* in tests: the directory that stands for the root disk */
	int uevents;
	int own_pid_namespace;
	int main_pid_namespace;
	int main_mount_namespace;
	int main_cgroup_namespace;
	int cgroup;
	uint64_t oom_kills; /* at CREATE */
};

extern struct agent agent;

/* loop.c */
int watch_set(struct watch *watch, uint32_t events);
void watch_close(struct watch *watch);
int loop_run(void);
/* Queues the answer; a full outbox ends the connection. */
void answer(uint16_t type, uint32_t channel, struct writer *writer);
void answer_ok(uint32_t channel);
void answer_failure(uint32_t channel, const struct failure *failure);
void port_flush(void);

/* boot.c */
int boot_guest(void);
int boot_test(int port);

/* requests.c */
int request_handle(void *context, const struct frame *frame);

/* setup.c */
int setup_apply(struct span fields, struct failure *failure);
/* TAG_MEMORY_LIMIT and TAG_PIDS_LIMIT of SETUP or UPDATE; what is absent is unlimited. */
int setup_limit(struct span fields, struct failure *failure);
/* NETWORK; waits for a device that was plugged a moment ago. */
int setup_network(struct span fields, struct failure *failure);
/* UPDATE of files that the setup laid. */
int lines_change(struct span fields, struct failure *failure);
/* Undoes a setup: unmounts the root and forgets files and shares. */
void setup_undo(void);

/* identity.c */
int identity_apply(struct span fields, struct failure *failure);

/* process.c */
struct process *process_new(enum process_kind kind, uint32_t channel, struct failure *failure);
struct process *process_find(uint32_t channel);
void process_free(struct process *process);
void process_launch_main(struct span fields, uint32_t channel);
void process_start_main(uint32_t channel);
void process_launch_exec(struct span fields, uint32_t channel);
/* ROOTFS or PROCESSES: a child of the agent's own that speaks through its channel. */
void process_launch_service(enum process_kind kind, uint32_t channel);
void process_launch_sync(uint32_t channel);
void process_launch_freeze(struct span fields, uint32_t channel);
int process_launch_flush(struct process *flush);
void process_reap(void);

/* settle.c: sends what is due (EXITED, ENDED) and frees the process once nothing is. */
void process_settle(struct process *process);

/* stream.c */
void stream_open(struct process *process, int input, int output, int errors);
/* Reads or stops reading according to credit and outbox. */
void stream_update(struct process *process);
int stream_input(struct process *process, struct span payload);
void stream_input_end(struct process *process);

/* child.c: what a fork does from its first step on; never returns. */
void child_run(enum process_kind kind, struct span fields, int report, const int streams[3]) __attribute__((noreturn));
/* A program of the agent's own as the workload's PID 1: forwards signals, reaps, ends as `child` does. */
void child_init(pid_t child) __attribute__((noreturn));

/* inside.c: runs in the main process's child; mounts and enters the workload's tree. */
struct launch;
int inside_enter(struct launch *launch, struct failure *failure);
/* The setup's mounts, for a root that no workload runs on; for the calling process alone. */
int inside_mount_shares(struct failure *failure);

/* resolve.c: paths inside a root, whatever links it holds. */
enum target_kind { TARGET_DIRECTORY, TARGET_FILE };
/* An O_PATH descriptor of `path` inside `root`, made where it is missing; -1. */
int resolve_target(int root, const char *path, enum target_kind kind, struct failure *failure);
/* A regular file of at most `limit` bytes as a C string; NULL (errno) where there is none. */
char *resolve_read(int root, const char *path, size_t limit);

/* user.c */
struct identity {
	uid_t uid;
	gid_t gid;
	gid_t groups[256];
	size_t group_count;
	char home[512];
};
int user_lookup(int root, const char *user, char *const *groups, struct identity *identity, struct failure *failure);

/* execute.c: becomes the program; gives back only on failure. */
struct launch {
	struct span fields;    /* CREATE's or EXEC's */
	struct span main;      /* CREATE's, for what EXEC takes over */
	struct span setup;     /* SETUP's */
	int report;            /* launch report socket */
	bool is_main;
	char **arguments;
	char **environment;
	char *program;         /* resolved path of arguments[0] */
	char *directory;
	bool with_init;
	struct identity identity;
	int terminal; /* the pseudo-terminal's slave, or -1 */
};
int execute_prepare(struct launch *launch, struct failure *failure);
int execute_terminal(struct launch *launch, struct failure *failure);
int execute_now(struct launch *launch, struct failure *failure);

/* forward.c: channels with the bit FORWARD_CHANNELS. */
int forward_listen(struct span fields, struct failure *failure);
void forward_undo(void);
/* The outbox has room again, or is lost. */
void forward_update(void);
/* -1 when the peer broke the rules. */
int forward_frame(const struct frame *frame);

/* kept.c: the payloads of SETUP and CREATE, kept for later processes. */
extern struct span kept_setup;
extern struct span kept_create;
int keep(struct span *slot, struct span fields);

/* rehearse.c */
int rehearse(char *self);

/* freeze.c: in a child; until no process of the workload runs any more, or all do again. -1: it runs on. */
int freeze_workload(bool frozen);

/* listing.c */
/* In a child: files of /proc for the host's ps, as records on stdout. */
void listing_put(void);
void listing_status(struct writer *writer);
uint64_t listing_oom_kills(void);

#endif

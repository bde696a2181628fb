/* The one workload of this process, whatever its isolation. */
#ifndef DUET_SHIM_H
#define DUET_SHIM_H

#include "client.h"
#include "jsonlog.h"
#include "record.h"

enum state { STATE_NEW, STATE_OPEN, STATE_CREATED, STATE_RUNNING, STATE_EXITED };

/* What one isolation does with a request; each must answer on the channel, now or later. */
struct backend {
	const char *isolation; /* what CONFIGURE and STATUS call it */
	void (*configure)(struct channel *channel, struct span fields);
	void (*network)(struct channel *channel, struct span fields);
	void (*create)(struct channel *channel, struct span fields);
	void (*start)(struct channel *channel, struct span fields);
	void (*attach)(struct channel *channel, struct span fields);
	void (*exec)(struct channel *channel, struct span fields);
	void (*signal)(struct channel *channel, struct span fields);
	void (*resize)(struct channel *channel, struct span fields);
	void (*mount)(struct channel *channel, struct span fields);
	/* HELLO to the agent, SETUP, SYNC, PROCESSES, ROOTFS. */
	void (*agent)(struct channel *channel, uint16_t type, struct span fields);
	/* Ends all that runs; calls shim_leave when nothing is left. */
	void (*shutdown)(void);
	int (*pid)(void);
};

extern const struct backend container_backend;
extern const struct backend machine_backend;
extern const struct backend appliance_backend;

struct shim {
	enum state state;
	const struct backend *backend; /* NULL until CONFIGURE */
	const char *run_directory;
	const char *socket_path;
	struct jsonlog *log;
	char *exit_path;
	struct exit_record record;
	bool recorded; /* the record is on disk, or there is no place for it */
};

extern struct shim shim;

/* The fields of CONFIGURE that both isolations have: log and exit record. */
int shim_configure(struct span fields, struct failure *failure);
/* The main process has ended, with all its output: writes the record once and answers who waits. */
void shim_exited(const struct exit_record *record);
/* Answers SHUTDOWN and ends this process. */
void shim_leave(void);
/* Answers a request that comes in the wrong state or isolation. */
void refuse(struct channel *channel, const char *class, const char *code, const char *message);

#endif

/* One served tree and what is under way in it. */
#ifndef DUET_ROOTFS_SESSION_H
#define DUET_ROOTFS_SESSION_H

#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "operations.h"
#include "wire.h"

struct metadata {
	uint32_t mode;
	uint32_t uid;
	uint32_t gid;
	struct timespec modified;
};

/* The file that DATA goes to; fd -1 for none. */
struct open_file {
	int fd;
	uint64_t size;
};

struct session {
	struct link link;
	int root;
	int beside; /* root of the tree that COPY takes from; -1 for none */
	uint32_t id; /* of the operation at work */
	/* The last parent folder, so that a folder's many files do not resolve it again and again. */
	int parent;
	char parent_path[PATH_MAX];
	struct open_file file;
	/* The path that was last worked on, for the message of a failure. */
	char subject[PATH_MAX];
	/* After the first failure of an unanswered operation the following ones are passed over, up to a BARRIER. */
	bool failed;
	bool malformed;
};

/* How an operation ended: 0, or an errno with a word on what failed. */
struct outcome {
	int number;
	const char *what;
};

#define DONE ((struct outcome){ 0, NULL })
struct outcome failure(const char *what);          /* with errno */
struct outcome failure_of(int number, const char *what);

struct metadata take_metadata(struct cursor *cursor);

/* resolve.c: every path below `root`, links never leading out of it. */
int open_in_root(const struct session *session, const char *path, int flags);
/* Folder of `path` (made where missing and `make`), and its last component in `name`. -1 with errno. */
int open_parent(struct session *session, const char *path, bool make, char name[NAME_MAX + 1]);
/* Whether a link stands in the place of one of the folders of `path`. */
bool crosses_link(const struct session *session, const char *path);
void forget_parent(struct session *session);
/* Removes `name` in `folder` whatever it is, following nothing. */
int remove_tree(int folder, const char *name);

/* attributes.c */
enum attribute_kinds {
	ATTRIBUTES_PLAIN,     /* what an archive may set or give */
	ATTRIBUTES_OVERLAY,   /* overlayfs's own, too */
	ATTRIBUTES_OWN,       /* of PLAIN those that a folder does not pass on to what is made in it */
	ATTRIBUTES_INHERITED, /* of PLAIN those that it does */
};

int set_attributes(int fd, struct cursor attributes);
int set_attributes_at(int folder, const char *name, struct cursor attributes);
/* Answers count and pairs; `fd` < 0 reads `name` in `folder` without following. */
void put_attributes(struct answer *answer, int fd, int folder, const char *name, enum attribute_kinds kinds);

/* Whether there is one that put_attributes gives, overlayfs's own included. */
bool has_attributes(int fd);

/* make.c and file.c: operations that change the tree. */
struct outcome make_directory(struct session *session, struct cursor *payload);
struct outcome make_file(struct session *session, struct cursor *payload);
struct outcome write_data(struct session *session, struct cursor *payload);
struct outcome end_file(struct session *session, struct cursor *payload);
void drop_file(struct session *session);
struct outcome make_symlink(struct session *session, struct cursor *payload);
struct outcome make_hardlink(struct session *session, struct cursor *payload);
struct outcome make_node(struct session *session, struct cursor *payload);
struct outcome make_whiteout(struct session *session, struct cursor *payload);
struct outcome make_opaque(struct session *session, struct cursor *payload);
struct outcome remove_path(struct session *session, struct cursor *payload);
struct outcome change_metadata(struct session *session, struct cursor *payload);
/* copy.c */
struct outcome copy_tree(struct session *session, struct cursor *payload);

/* look.c and tree.c: operations that answer. */
struct outcome stat_path(struct session *session, struct cursor *payload);
struct outcome read_file(struct session *session, struct cursor *payload);
struct outcome send_tree(struct session *session, struct cursor *payload);
void put_entry(struct answer *answer, uint8_t flags, const struct stat *found, const char *path, const char *target);
/* The last part of an entry, after its attributes. */
void put_changed(struct answer *answer, const struct stat *found);

#endif

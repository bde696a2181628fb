/*
 * Operations on the inside of a root file system; docs/internals/rootfs-operations.md is the contract
 * and src/spec/rootfs.ts its other half.
 */
#ifndef DUET_ROOTFS_OPERATIONS_H
#define DUET_ROOTFS_OPERATIONS_H

enum rootfs_operation {
	ROOTFS_ENTER = 1,
	ROOTFS_BARRIER = 2,
	ROOTFS_DIRECTORY = 3,
	ROOTFS_FILE = 4,
	ROOTFS_DATA = 5,
	ROOTFS_END = 6,
	ROOTFS_SYMLINK = 7,
	ROOTFS_HARDLINK = 8,
	ROOTFS_NODE = 9,
	ROOTFS_WHITEOUT = 10,
	ROOTFS_OPAQUE = 11,
	ROOTFS_REMOVE = 12,
	ROOTFS_METADATA = 13,
	ROOTFS_COPY = 14,
	ROOTFS_STAT = 20,
	ROOTFS_READ = 21,
	ROOTFS_TREE = 22,
	ROOTFS_SYNC = 23,
	ROOTFS_EXECUTE = 30,

	ROOTFS_OK = 64,
	ROOTFS_ERROR = 65,
	ROOTFS_ENTRY = 66,
	ROOTFS_CONTENT = 67,
	ROOTFS_NOTE = 68,
	ROOTFS_PACKED = 69,
};

/* What to do with something that is there already. */
enum rootfs_policy {
	ROOTFS_REPLACE = 0,      /* remove it, unless both are directories */
	ROOTFS_KEEP_KIND = 1,    /* as REPLACE, but never a directory by another kind or the reverse */
	ROOTFS_KEEP = 2,         /* a directory stays as it is; anything else is an error */
};

enum rootfs_flags {
	ROOTFS_MORE = 1,         /* FILE: DATA and END follow */
	ROOTFS_MODE = 1,         /* METADATA: which parts */
	ROOTFS_OWNER = 2,
	ROOTFS_TIMES = 4,
	ROOTFS_ATTRIBUTES = 8,
	ROOTFS_WITH_CONTENT = 1, /* TREE */
	ROOTFS_WITH_OVERLAY = 2, /* TREE: overlayfs's own attributes, too */
	ROOTFS_ONE_DEVICE = 4,
	ROOTFS_SHALLOW = 8, /* TREE: folders in the folder are told, not entered */
	ROOTFS_WITH_PACKED = 16, /* TREE: plain files as members of an archive, many together */
	ROOTFS_READONLY = 1,     /* ENTER */
	ROOTFS_LAYER = 2,        /* ENTER: whiteouts and opaque directories will be made or read */
	ROOTFS_BESIDE = 4,       /* ENTER: a second list of mounts, from which COPY takes */
	ROOTFS_SEEN = 1,         /* ENTRY: another name of a file that was sent before; no content */
};

#define ROOTFS_MAX_PAYLOAD (1u << 20)
#define ROOTFS_HEADER 12u

/*
 * Serves operations read from `in` on the tree below `root` (a directory descriptor, O_PATH suffices)
 * and answers on `out`, until the end of input. Blocks; changes the working directory, umask and
 * file descriptor limits of nobody but its own process, so call it in a process of its own.
 * Returns 0 at a clean end, -1 where the link broke or a frame was malformed. Never exits.
 */
int rootfs_serve(int in, int out, int root);
/* The same; COPY takes from the tree below `beside`. */
int rootfs_serve_beside(int in, int out, int root, int beside);

#endif

/* native/rootfs's server of operations, linked in; its own headers stay there. */
#ifndef DUET_AGENT_ROOTFS_H
#define DUET_AGENT_ROOTFS_H

/* Serves operations on the open folder `root` until `in` ends; 0, or -1 where the peer broke the rules. */
int rootfs_serve(int in, int out, int root);

#endif

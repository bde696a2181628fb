/* Sockets of the host that a guest's programs may connect to: those that the user mounted, and no others. */
#ifndef DUET_FORWARD_H
#define DUET_FORWARD_H

#include "frame.h"

/* TAG_FORWARD of CONFIGURE, in the order of the numbers that the guest knows. */
int forward_configure(struct span fields, struct failure *failure);
/* A frame of a channel that the agent has opened. -1 when it broke the rules. */
int forward_frame(const struct frame *frame);
/* The guest is gone: so are its connections. */
void forward_close(void);

#endif

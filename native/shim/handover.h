/* What QEMU gets as open descriptors, so that its tree needs no folder that it may write to. */
#ifndef DUET_HANDOVER_H
#define DUET_HANDOVER_H

#include "jail.h"

/* The taps, listening sockets and files that CONFIGURE names become descriptors of the jail. */
int handover(struct jail *jail, struct span fields, struct failure *failure);

#endif

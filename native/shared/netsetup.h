/*
 * Sets up the network inside a workload's namespace or guest over rtnetlink: the same code for shim
 * and agent, from the same NETWORK message. Acts on the calling process's network namespace.
 */
#ifndef DUET_NETSETUP_H
#define DUET_NETSETUP_H

#include "failure.h"
#include "fields.h"

/* Brings the loopback device up. */
int netsetup_loopback(struct failure *failure);

/*
 * Applies the fields of NETWORK: every TAG_INTERFACE is renamed, gets its MAC, MTU and addresses, comes
 * up, and gets its routes. Stops at the first error. A device that has its name, or an address or a
 * route that exists already, is no error, so that the message may be sent again.
 */
int netsetup_apply(struct span fields, struct failure *failure);

#endif

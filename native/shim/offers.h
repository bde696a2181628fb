/*
 * Answers what a machine asks by DHCP on its own tap devices, and nobody else: as long as the shim lives, whether
 * a daemon runs or not. No socket of the network's is involved, so the host's own DHCP server is not in the way.
 */
#ifndef DUET_OFFERS_H
#define DUET_OFFERS_H

#include "fields.h"

/* NETWORK: its interfaces by TAG_DEVICE (the tap); one that is served already is served anew. */
int offers_serve(struct span fields, struct failure *failure);

#endif

/* Tap devices that live as long as somebody holds their descriptor. */
#ifndef DUET_TAP_H
#define DUET_TAP_H

#include "failure.h"

/* Makes a non-persistent tap in our network namespace; its close-on-exec descriptor, or -1. */
int tap_open(const char *name, struct failure *failure);

#endif

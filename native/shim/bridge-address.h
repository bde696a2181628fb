/* The link-local address of the device of ours that has an address of IPv6: what guests know it by as a router. */
#ifndef DUET_BRIDGE_ADDRESS_H
#define DUET_BRIDGE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

/* False where no device has `address`, or it has none of the link. */
bool bridge_address(const uint8_t address[16], uint8_t found[16]);

#endif

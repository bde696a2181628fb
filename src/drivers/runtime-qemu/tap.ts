import { openSync } from "node:fs";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { closeDescriptor } from "../../kit/descriptors.ts";
import { systemCall } from "../../kit/syscalls.ts";

const control = "int ioctl(int, unsigned long, const void *)";
const setInterface = 0x400454ca;
/** IFF_TAP, IFF_NO_PI and IFF_VNET_HDR: the guest hands checksums and large segments over undone. */
const flags = 0x0002 | 0x1000 | 0x4000;
const longestName = 15;

/** Makes a tap device that lives as long as somebody holds the descriptor, as native/shim/tap.c does. */
export function openTap(name: string): number {
  if (name === "" || name.length > longestName || !/^[a-z0-9-]+$/.test(name)) {
    throw new DuetError("invalid", "TAP_INVALID", `no usable name for a tap device: ${name}`);
  }
  let descriptor: number;
  try {
    descriptor = openSync("/dev/net/tun", "r+");
  } catch (cause) {
    throw new DuetError(
      "unavailable",
      "TAP_FAILED",
      `cannot open /dev/net/tun: ${errnoOf(cause) ?? "unknown error"}`,
      { cause },
    );
  }
  try {
    const request = Buffer.alloc(40);
    request.write(name, 0, "latin1");
    request.writeUInt16LE(flags, 16);
    systemCall(control, descriptor, setInterface, request);
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

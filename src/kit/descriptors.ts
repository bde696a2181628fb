import { DuetError } from "./errors.ts";
import { addressOf, systemCall } from "./syscalls.ts";

const declare = {
  socket: "int socket(int, int, int)",
  connect: "int connect(int, const void *, unsigned int)",
  sendMessage: "long sendmsg(int, const void *, int)",
  close: "int close(int)",
} as const;

const unixFamily = 1;
const streamCloexec = 1 | 0o2000000;
const pathSize = 108;
const noSignal = 0x4000;
const socketLevel = 1;
const rights = 1;

/**
 * Connects to the unix socket at `path` and sends `bytes` with a copy of `descriptor` (unix(7),
 * SCM_RIGHTS); gives the connected socket's descriptor, which is the caller's to close.
 */
export function connectHanding(path: string, bytes: Uint8Array, descriptor: number): number {
  const socket = systemCall(declare.socket, unixFamily, streamCloexec, 0);
  try {
    const address = unixAddress(path);
    systemCall(declare.connect, socket, address, address.length);
    sendWith(socket, bytes, descriptor);
    return socket;
  } catch (error) {
    closeDescriptor(socket);
    throw error;
  }
}

export function closeDescriptor(descriptor: number): void {
  systemCall(declare.close, descriptor);
}

/** `struct sockaddr_un` (unix(7)). Throws `invalid` PATH_TOO_LONG. */
export function unixAddress(path: string): Buffer {
  const name = Buffer.from(path, "utf8");
  if (name.length >= pathSize) {
    throw new DuetError("invalid", "PATH_TOO_LONG", `the path is too long for a socket · ${path}`);
  }
  const address = Buffer.alloc(2 + pathSize);
  address.writeUInt16LE(unixFamily, 0);
  name.copy(address, 2);
  return address;
}

/** `struct msghdr`, `iovec` and `cmsghdr` of 64-bit Linux. */
function sendWith(socket: number, bytes: Uint8Array, descriptor: number): void {
  const content = Buffer.from(bytes);
  const piece = Buffer.alloc(16);
  piece.writeBigUInt64LE(addressOf(content), 0);
  piece.writeBigUInt64LE(BigInt(content.length), 8);
  const control = Buffer.alloc(24);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(socketLevel, 8);
  control.writeInt32LE(rights, 12);
  control.writeInt32LE(descriptor, 16);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(addressOf(piece), 16);
  header.writeBigUInt64LE(1n, 24);
  header.writeBigUInt64LE(addressOf(control), 32);
  header.writeBigUInt64LE(BigInt(control.length), 40);
  const sent = systemCall(declare.sendMessage, socket, header, noSignal);
  if (sent === content.length) return;
  throw new DuetError("internal", "SENT_SHORT", "a descriptor's message was sent only in part");
}

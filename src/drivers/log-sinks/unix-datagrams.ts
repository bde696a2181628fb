import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { closeDescriptor, unixAddress } from "../../kit/descriptors.ts";
import { errnoName, systemCall, trySystemCall } from "../../kit/syscalls.ts";
import type { Connection } from "./connection.ts";
import { unreachable } from "./failures.ts";

const unixFamily = 1;
const datagramCloexec = 2 | 0o2000000;
const noSignalNoWait = 0x4000 | 0x40;
const { EAGAIN, EMSGSIZE, ENOBUFS, EINTR } = constants.errno;
const shortestMilliseconds = 1;
const longestMilliseconds = 500;

/** A socket of datagrams in the file system, which Node has no call for. Connects at once; throws `unavailable` LOG_DESTINATION. */
export class UnixDatagrams implements Connection {
  private readonly socket: number;
  private readonly path: string;
  private isOpen = true;

  constructor(path: string) {
    this.path = path;
    this.socket = systemCall("int socket(int, int, int)", unixFamily, datagramCloexec, 0);
    const address = unixAddress(path);
    const result = trySystemCall(
      "int connect(int, const void *, unsigned int)",
      this.socket,
      address,
      address.length,
    );
    if (result >= 0) return;
    this.close();
    throw this.failed(-result);
  }

  async write(messages: readonly Buffer[], signal: AbortSignal): Promise<void> {
    for (const message of messages) await this.send(message, signal);
  }

  private async send(message: Buffer, signal: AbortSignal): Promise<void> {
    for (let wait = shortestMilliseconds; ; wait = Math.min(wait * 2, longestMilliseconds)) {
      signal.throwIfAborted();
      const result = trySystemCall(
        "long send(int, const void *, size_t, int)",
        this.socket,
        message,
        message.length,
        noSignalNoWait,
      );
      // One that fits no datagram will never go: the next may.
      if (result >= 0 || result === -EMSGSIZE) return;
      if (result === -EINTR) continue;
      if (result !== -EAGAIN && result !== -ENOBUFS) throw this.failed(-result);
      // Its queue is full. No event tells of room but on a thread that waits for it.
      await delay(wait, undefined, { signal });
    }
  }

  private failed(errno: number): Error {
    const error = Object.assign(new Error(errnoName(errno)), { errno: -errno });
    return unreachable(`dial unixgram ${this.path}`, error);
  }

  private close(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    closeDescriptor(this.socket);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

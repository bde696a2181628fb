import { DuetError } from "../errors.ts";
import { errnoName, systemCall, systemCallAside, trySystemCall } from "../syscalls.ts";
import { setSequence, splitMessages, type Message } from "./message.ts";

const declare = {
  socket: "int socket(int, int, int)",
  bind: "int bind(int, const void *, unsigned int)",
  send: "long send(int, const void *, size_t, int)",
  receive: "long recv(int, void *, size_t, int)",
  option: "int setsockopt(int, int, int, const void *, unsigned int)",
  control: "int fcntl(int, int, long)",
  close: "int close(int)",
} as const;

const family = 16;
const rawCloexec = 3 | 0o2000000;
const solSocket = 1;
const sendBufferForce = 32;
const receiveBufferForce = 33;
const receiveTimeout = 20;
const dontWait = 0x40;
const typeError = 2;
const typeDone = 3;
const flagMulti = 2;
const flagDumpInterrupted = 0x10;
const bufferSize = 8 << 20;

export const protocol = { route: 0, netfilter: 12 } as const;

/** What the kernel refused: the message's number within the request, and the errno. */
export interface Refusal {
  readonly index: number;
  readonly errno: number;
}

function option(fd: number, name: number, value: Buffer): void {
  trySystemCall(declare.option, fd, solSocket, name, value, value.length);
}

function open(kind: number, groups: number): number {
  const fd = systemCall(declare.socket, family, rawCloexec, kind);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bufferSize);
  option(fd, sendBufferForce, size);
  option(fd, receiveBufferForce, size);
  const address = Buffer.alloc(12);
  address.writeUInt16LE(family, 0);
  address.writeUInt32LE(groups >>> 0, 8);
  const bound = trySystemCall(declare.bind, fd, address, address.length);
  if (bound === 0) return fd;
  systemCall(declare.close, fd);
  throw new DuetError("internal", errnoName(-bound), "cannot bind a netlink socket");
}

/**
 * A netlink socket for requests that the kernel answers within the call. It lives in the network
 * namespace of the thread that made it. One request at a time: all calls are synchronous.
 */
export class NetlinkSocket {
  private readonly fd: number;
  private readonly buffer = Buffer.alloc(256 << 10);
  private sequence = 1;
  private open = true;

  constructor(kind: number) {
    this.fd = open(kind, 0);
    const seconds = Buffer.alloc(16);
    seconds.writeBigInt64LE(10n);
    option(this.fd, receiveTimeout, seconds);
  }

  /**
   * Sends messages that each ask for an acknowledgement, in one call; gives those that the kernel
   * refused. The others have taken effect.
   */
  request(messages: readonly Buffer[]): Refusal[] {
    const first = this.number(messages);
    this.send(Buffer.concat(messages));
    return this.answers(first, messages.length);
  }

  /** As `request`, on a thread of the pool: for what takes the kernel long, such as removing a device. */
  async requestAside(messages: readonly Buffer[]): Promise<Refusal[]> {
    const first = this.number(messages);
    const bytes = Buffer.concat(messages);
    await systemCallAside(declare.send, this.fd, bytes, bytes.length, 0);
    return this.answers(first, messages.length);
  }

  private answers(first: number, count: number): Refusal[] {
    const refusals: Refusal[] = [];
    for (let open = count; open > 0;) {
      for (const answer of splitMessages(this.receive())) {
        if (answer.type !== typeError || answer.sequence < first) continue;
        const errno = -answer.body.readInt32LE(0);
        if (errno !== 0) refusals.push({ index: answer.sequence - first, errno });
        open -= 1;
      }
    }
    return refusals;
  }

  /**
   * Sends a transaction (nfnetlink batch): begin, changes, end. The last change must ask for an
   * acknowledgement. Gives every refusal by its place in `messages`; none when it took effect.
   */
  transact(messages: readonly Buffer[]): Refusal[] {
    const first = this.number(messages);
    this.send(Buffer.concat(messages));
    const last = messages.length - 2;
    const refusals: Refusal[] = [];
    while (true) {
      for (const answer of splitMessages(this.receive())) {
        const index = answer.sequence - first;
        if (answer.type !== typeError || index < 0) continue;
        const errno = -answer.body.readInt32LE(0);
        if (errno !== 0) refusals.push({ index, errno });
        if (index === last || (index === 0 && errno !== 0)) return refusals;
      }
    }
  }

  /** Sends one dump request; gives every message of the answer. Starts over when the kernel says that it changed midway. */
  dump(request: Buffer): Message[] {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const answer = this.tryDump(request);
      if (answer !== undefined) return answer;
    }
    throw new DuetError(
      "unavailable",
      "NETLINK_BUSY",
      "the kernel's tables change faster than they can be read",
    );
  }

  private tryDump(request: Buffer): Message[] | undefined {
    const sequence = this.number([request]);
    this.send(request);
    const messages: Message[] = [];
    let interrupted = false;
    while (true) {
      for (const answer of splitMessages(Buffer.from(this.receive()))) {
        if (answer.sequence !== sequence) continue;
        if ((answer.flags & flagDumpInterrupted) !== 0) interrupted = true;
        if (answer.type === typeDone) return interrupted ? undefined : messages;
        if (answer.type === typeError) {
          const errno = -answer.body.readInt32LE(0);
          if (errno === 0) return messages;
          throw new DuetError(
            "internal",
            errnoName(errno),
            `netlink dump failed: ${errnoName(errno)}`,
          );
        }
        messages.push(answer);
        if ((answer.flags & flagMulti) === 0) return messages;
      }
    }
  }

  private number(messages: readonly Buffer[]): number {
    const first = this.sequence;
    for (const one of messages) {
      setSequence(one, this.sequence);
      this.sequence = this.sequence >= 0x7fffffff ? 1 : this.sequence + 1;
    }
    return first;
  }

  private send(bytes: Buffer): void {
    systemCall(declare.send, this.fd, bytes, bytes.length, 0);
  }

  private receive(): Buffer {
    const { fd, buffer } = this;
    while (true) {
      const size = trySystemCall(declare.receive, fd, buffer, buffer.length, 0);
      if (size >= 0) return buffer.subarray(0, size);
      const name = errnoName(-size);
      if (name === "EINTR") continue;
      if (name === "EAGAIN") {
        throw new DuetError("timeout", "NETLINK_SILENT", "the kernel did not answer over netlink");
      }
      throw new DuetError("internal", name, `cannot receive from netlink: ${name}`);
    }
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    systemCall(declare.close, this.fd);
  }
}

const setOwner = 8;
const setFlags = 4;
const setSignal = 10;
const asynchronous = 0o20000 | 0o4000;
const sigio = 29;
const listeners = new Set<() => void>();

/** Stays for good: without a handler, a signal that is still on its way would end the process. */
function onSignal(): void {
  for (const drain of listeners) drain();
}

/**
 * Listens to multicast groups (a bit mask). The kernel raises SIGIO when something arrives, so no
 * thread waits and nothing polls; `onMessages` runs on the main thread. `lost` tells that the kernel
 * dropped messages. Only for the main thread, as Node hands signals to no other.
 */
export function listenNetlink(
  kind: number,
  groups: number,
  onMessages: (messages: readonly Message[], lost: boolean) => void,
): { close(): void } {
  const fd = open(kind, groups);
  const buffer = Buffer.alloc(256 << 10);
  const drain = (): void => {
    while (listeners.has(drain)) {
      const size = trySystemCall(declare.receive, fd, buffer, buffer.length, dontWait);
      if (size > 0) onMessages(splitMessages(buffer.subarray(0, size)), false);
      else if (errnoName(-size) === "ENOBUFS") onMessages([], true);
      else if (errnoName(-size) !== "EINTR") return;
    }
  };
  listeners.add(drain);
  if (!process.listeners("SIGIO").includes(onSignal)) process.on("SIGIO", onSignal);
  systemCall(declare.control, fd, setOwner, process.pid);
  systemCall(declare.control, fd, setSignal, sigio);
  systemCall(declare.control, fd, setFlags, asynchronous);
  return {
    close: () => {
      if (!listeners.delete(drain)) return;
      systemCall(declare.close, fd);
    },
  };
}

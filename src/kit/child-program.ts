import { closeSync, readSync } from "node:fs";
import { Socket } from "node:net";
import { DuetError, errnoOf } from "./errors.ts";
import { minimalEnvironment } from "./subprocess.ts";
import { addressOf, errnoName, systemCall, systemCallAside, trySystemCall } from "./syscalls.ts";

/**
 * Children of a large process, started as posix_spawn(3) does it: without a copy of its page tables, which is what
 * Node's spawn waits for, 1 to 3 ms each on the thread that answers.
 */
export interface ChildProgram {
  readonly pid: number;
  /** Exit code; -1 after a signal. The child has let go of all that it held. */
  readonly exited: Promise<number>;
  /** SIGKILL; nothing where it has ended. */
  kill(): void;
}

/** One end of a connection for this process, and a descriptor for a child's. */
export interface ChildSocket {
  readonly stream: Socket;
  readonly descriptor: number;
}

/** What a child has printed, held by the kernel until it is asked for; more than that holds is lost. */
export interface ChildPipe {
  readonly descriptor: number;
  /** The end of it. Call it once. */
  take(bytes: number): string;
}

const declare = {
  pipe: "int pipe2(void *, int)",
  pair: "int socketpair(int, int, int, void *)",
  control: "int fcntl(int, int, int)",
  wait: "int waitpid(int, void *, int)",
  actions: "int posix_spawn_file_actions_init(void *)",
  duplicate: "int posix_spawn_file_actions_adddup2(void *, int, int)",
  open: "int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned int)",
  dropActions: "int posix_spawn_file_actions_destroy(void *)",
  attributes: "int posix_spawnattr_init(void *)",
  mask: "int posix_spawnattr_setsigmask(void *, const void *)",
  defaults: "int posix_spawnattr_setsigdefault(void *, const void *)",
  flags: "int posix_spawnattr_setflags(void *, short)",
  spawn:
    "int posix_spawn(void *, const void *, const void *, const void *, const void *, const void *)",
} as const;

const unixFamily = 1;
const streamCloexec = 1 | 0o2000000;
const nonblockingCloexec = 0o4000 | 0o2000000;
/** What the kernel holds of a pipe (pipe(7)). */
const pipeBytes = 64 << 10;
const duplicateCloexec = 1030;
/** Above every number that a child gets, so that none is overwritten before it is put in its place. */
const leastDescriptor = 16;
const readAndWrite = 2;
const signalDefaults = 0x04;
const signalMask = 0x08;
const ownSession = 0x80;
const noHang = 1;
/** More than any C library's own structures have. */
const structureSize = 1_024;

/** A pair of connected sockets. The descriptor is the caller's to close, the stream's end to destroy. */
export function childSocket(
  direction: { readonly readable?: boolean; readonly writable?: boolean } = {},
): ChildSocket {
  const pair = Buffer.alloc(8);
  systemCall(declare.pair, unixFamily, streamCloexec, 0, pair);
  const { readable = true, writable = true } = direction;
  const { mine, theirs } = ends(pair);
  try {
    return { stream: new Socket({ fd: mine, readable, writable }), descriptor: theirs };
  } catch (error) {
    closeSync(mine);
    closeSync(theirs);
    throw error;
  }
}

/** The descriptor is the caller's to close. */
export function childPipe(): ChildPipe {
  const pair = Buffer.alloc(8);
  systemCall(declare.pipe, pair, nonblockingCloexec);
  const { mine, theirs } = ends(pair);
  const take = (bytes: number): string => {
    try {
      if (bytes === 0) return "";
      const held = Buffer.alloc(pipeBytes);
      return held.subarray(0, readSync(mine, held)).subarray(-bytes).toString("utf8");
    } catch (error) {
      if (errnoOf(error) === "EAGAIN") return "";
      throw error;
    } finally {
      closeSync(mine);
    }
  };
  return { descriptor: theirs, take };
}

/** Of two descriptors the first as it is, and the second where a child's do not reach. */
function ends(pair: Buffer): { readonly mine: number; readonly theirs: number } {
  const [mine, second] = [pair.readInt32LE(0), pair.readInt32LE(4)];
  if (second >= leastDescriptor) return { mine, theirs: second };
  try {
    const theirs = systemCall(declare.control, second, duplicateCloexec, leastDescriptor);
    return { mine, theirs };
  } catch (error) {
    closeSync(mine);
    throw error;
  } finally {
    closeSync(second);
  }
}

/**
 * Starts a program in the minimal environment, with the signals' usual actions. `files` are descriptors of ours, above
 * 15, that become its 0, 1, ...; /dev/null for null. Throws `unavailable` SPAWN_FAILED.
 */
export async function startChild(
  path: string,
  words: readonly string[],
  options: { readonly files: readonly (number | null)[]; readonly session?: boolean },
): Promise<ChildProgram> {
  const flags = signalDefaults | signalMask | (options.session === true ? ownSession : 0);
  const [attributes, everySignal, program] = [
    Buffer.alloc(structureSize),
    Buffer.alloc(128, 0xff),
    text(path),
  ];
  systemCall(declare.attributes, attributes);
  systemCall(declare.mask, attributes, Buffer.alloc(128));
  systemCall(declare.defaults, attributes, everySignal);
  systemCall(declare.flags, attributes, flags);
  const variables = Object.entries(minimalEnvironment()).map(([name, value]) => `${name}=${value}`);
  const [argv, environment] = [list(words), list(variables)];
  const actions = Buffer.alloc(structureSize);
  systemCall(declare.actions, actions);
  try {
    for (const [number, file] of options.files.entries()) {
      const errno =
        file === null
          ? systemCall(declare.open, actions, number, "/dev/null", readAndWrite, 0)
          : systemCall(declare.duplicate, actions, file, number);
      if (errno !== 0) throw notStarted(path, errno);
    }
    const pid = Buffer.alloc(4);
    const call = [pid, program, actions, attributes, argv.pointers, environment.pointers] as const;
    const errno = await systemCallAside(declare.spawn, ...call);
    if (errno !== 0) throw notStarted(path, errno);
    return new Child(pid.readInt32LE(0));
  } finally {
    systemCall(declare.dropActions, actions);
    // What the call points to lives as long as it.
    argv.texts.length = environment.texts.length = 0;
  }
}

function notStarted(path: string, errno: number): DuetError {
  return new DuetError("unavailable", "SPAWN_FAILED", `cannot start ${path}: ${errnoName(errno)}`, {
    hint: "run `duet doctor` to see what this host lacks",
  });
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`);
}

/** An array of C strings that ends with NULL, and what it points to. */
function list(values: readonly string[]): { readonly pointers: Buffer; readonly texts: Buffer[] } {
  const texts = values.map(text);
  const pointers = Buffer.alloc(8 * (values.length + 1));
  for (const [index, one] of texts.entries()) pointers.writeBigUInt64LE(addressOf(one), 8 * index);
  return { pointers, texts };
}

/** Children that have not been waited for. */
const children = new Map<number, (code: number) => void>();
let alive: NodeJS.Timeout | undefined;
const longestTimer = 2 ** 31 - 1;

class Child implements ChildProgram {
  readonly pid: number;
  readonly exited: Promise<number>;

  constructor(pid: number) {
    this.pid = pid;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exited = promise;
    if (children.size === 0) {
      process.on("SIGCHLD", reapAll);
      // Who waits for a child's end waits for something: a handler of signals alone keeps no process.
      alive = setInterval(() => undefined, longestTimer);
    }
    children.set(pid, resolve);
    // It may have ended before it was known.
    reap([[pid, resolve]]);
  }

  kill(): void {
    // Not waited for yet, so the number is still its own.
    if (children.has(this.pid)) process.kill(this.pid, "SIGKILL");
  }
}

function reapAll(): void {
  reap(children);
}

function reap(some: Iterable<readonly [number, (code: number) => void]>): void {
  const status = Buffer.alloc(4);
  for (const [pid, resolve] of some) {
    const ended = trySystemCall(declare.wait, pid, status, noHang);
    if (ended === 0) continue;
    children.delete(pid);
    const value = status.readInt32LE(0);
    // How it ended is lost where somebody else has waited for it.
    resolve(ended === pid && (value & 0x7f) === 0 ? (value >> 8) & 0xff : -1);
  }
  if (children.size > 0) return;
  process.off("SIGCHLD", reapAll);
  clearInterval(alive);
}

import { closeSync } from "node:fs";
import { basename } from "node:path";
import type { Writable } from "node:stream";
import { childPipe, childSocket, startChild, type ChildSocket } from "../child-program.ts";
import { DuetError } from "../errors.ts";
import { enterFlag, enterKind, treeOperation } from "./operations.ts";
import { TreeLink, type TreeTransport } from "./link.ts";
import { FrameBuilder } from "./values.ts";
import { viewOf, type TreeView } from "./view.ts";

/** A mount(2) call; the first of a list makes the root (`target` ""), the others are binds below it. */
export interface TreeMount {
  readonly type: string;
  readonly source: string;
  readonly target: string;
  readonly options: readonly string[];
}

/** Which tree: one made of mounts in a namespace of the helper's own, or the root that a process sees. */
export type TreeTarget =
  | { readonly kind: "mounts"; readonly mounts: readonly TreeMount[] }
  | { readonly kind: "process"; readonly pid: number };

export interface TreeOptions {
  readonly readonly?: boolean;
  /** Whiteouts, opaque marks and overlayfs's own attributes will be made or read. */
  readonly layer?: boolean;
  /** A second tree, read-only, from which `TreeWriter.copy` takes; only with a target of mounts. */
  readonly beside?: readonly TreeMount[];
}

/** A tree that a helper process serves. Disposing ends the process, and with it every mount it made. */
export interface EnteredTree extends AsyncDisposable {
  readonly link: TreeLink;
  readonly view: TreeView;
}

/** A helper that does not end within this long after its input did is killed. */
const endMilliseconds = 10_000;

/**
 * Starts `binary` (duet-rootfs) and lets it enter `target`. Throws `unavailable` when it cannot be
 * started, and what keeps it from entering: `not-found` for a missing mount source or process.
 */
export async function enterTree(
  binary: string,
  target: TreeTarget,
  options: TreeOptions,
  signal: AbortSignal,
): Promise<EnteredTree> {
  signal.throwIfAborted();
  const helper = await startHelper(binary);
  const link = new TreeLink(helper.transport);
  const entered: EnteredTree = {
    link,
    view: viewOf(link),
    [Symbol.asyncDispose]: async () => await helper.end(),
  };
  try {
    const subject =
      target.kind === "process" ? `the root of process ${target.pid}` : target.mounts[0]?.source;
    await link.answer(
      treeOperation.enter,
      (frame) => fillEnter(frame, target, options),
      signal,
      subject,
    );
  } catch (error) {
    link.close();
    await helper.end();
    throw error;
  }
  return entered;
}

/** A folder as a tree. */
export function folderTarget(path: string): TreeTarget {
  return {
    kind: "mounts",
    mounts: [{ type: "bind", source: path, target: "", options: ["bind"] }],
  };
}

function fillEnter(frame: FrameBuilder, target: TreeTarget, options: TreeOptions): void {
  const flags =
    (options.readonly === true ? enterFlag.readonly : 0) |
    (options.layer === true ? enterFlag.layer : 0) |
    (options.beside === undefined ? 0 : enterFlag.beside);
  if (target.kind === "process") {
    frame.u8(enterKind.process).u8(flags).u32(target.pid);
    return;
  }
  frame.u8(enterKind.mounts).u8(flags).u32(0);
  fillMounts(frame, target.mounts);
  if (options.beside !== undefined) fillMounts(frame, options.beside);
}

function fillMounts(frame: FrameBuilder, mounts: readonly TreeMount[]): void {
  frame.u32(mounts.length);
  for (const mount of mounts.map(withinPage)) {
    frame
      .bytes(Buffer.from(mount.type))
      .bytes(Buffer.from(mount.source))
      .bytes(Buffer.from(mount.target));
    frame.u32(mount.options.length);
    for (const option of mount.options) frame.bytes(Buffer.from(option));
  }
}

/** mount(2) takes a page of options. */
const longestOptions = 4_000;
const pathOptions = /^(lowerdir|upperdir|workdir)=/;

/** An overlay of many layers, its folders told relative to the one that they share, which becomes the source. */
export function withinPage(mount: TreeMount): TreeMount {
  const length = mount.options.reduce((sum, option) => sum + option.length + 1, 0);
  if (mount.type !== "overlay" || length < longestOptions) return mount;
  const paths = mount.options
    .filter((option) => pathOptions.test(option))
    .flatMap((option) => option.slice(option.indexOf("=") + 1).split(":"));
  const shared = sharedFolder(paths);
  if (shared.length < 2) return mount;
  const options = mount.options.map((option) => {
    if (!pathOptions.test(option)) return option;
    const at = option.indexOf("=") + 1;
    const relative = option
      .slice(at)
      .split(":")
      .map((path) => path.slice(shared.length));
    return option.slice(0, at) + relative.join(":");
  });
  return { ...mount, source: shared, options };
}

/** The longest absolute folder, with its trailing slash, that all paths are below. */
function sharedFolder(paths: readonly string[]): string {
  let shared = paths[0] ?? "";
  for (const path of paths) while (!path.startsWith(shared)) shared = shared.slice(0, -1);
  return shared.slice(0, shared.lastIndexOf("/") + 1);
}

/**
 * Runs a program (argv, absolute path) that sees `mounts` at the existing empty folder `stage`, in a
 * mount namespace of its own. Throws `internal` PROGRAM_FAILED with the end of what it printed.
 */
export async function runBesideTree(
  binary: string,
  request: {
    readonly mounts: readonly TreeMount[];
    readonly stage: string;
    readonly argv: readonly string[];
  },
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const helper = await startHelper(binary);
  const abort = (): void => helper.kill();
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  try {
    const frame = new FrameBuilder(64 << 10).begin(treeOperation.execute, 1);
    frame.bytes(Buffer.from(request.stage));
    fillMounts(frame, request.mounts);
    frame.u32(request.argv.length);
    for (const word of request.argv) frame.bytes(Buffer.from(word));
    frame.end();
    await helper.transport.write(frame.take());
    await helper.transport.closeOutput();
    const output: Buffer[] = [];
    for await (const chunk of helper.transport.input)
      if (output.length < 64) output.push(Buffer.from(chunk));
    const code = await helper.exited;
    signal.throwIfAborted();
    if (code === 0) return;
    const detail = `${Buffer.concat(output).toString("latin1")} ${helper.printed()}`
      .trim()
      .slice(-1_000);
    throw new DuetError(
      "internal",
      "PROGRAM_FAILED",
      `${request.argv[0]} failed with exit code ${code}: ${detail}`,
    );
  } finally {
    signal.removeEventListener("abort", abort);
    await helper.end();
  }
}

interface Helper {
  readonly transport: TreeTransport;
  /** Exit code; -1 after a signal. */
  readonly exited: Promise<number>;
  printed(): string;
  kill(): void;
  end(): Promise<void>;
}

/** Bytes of what a helper complains about that are told. */
const printedBytes = 2_000;

async function startHelper(binary: string): Promise<Helper> {
  using theirs = new DisposableStack();
  using mine = new DisposableStack();
  const socket = (direction: Parameters<typeof childSocket>[0]): ChildSocket => {
    const made = childSocket(direction);
    theirs.defer(() => closeSync(made.descriptor));
    mine.defer(() => made.stream.destroy());
    made.stream.on("error", () => undefined);
    return made;
  };
  const [input, output] = [socket({ readable: false }), socket({ writable: false })];
  const complaints = childPipe();
  theirs.defer(() => closeSync(complaints.descriptor));
  mine.defer(() => complaints.take(0));
  const [stdin, stdout] = [input.stream, output.stream];
  const files = [input.descriptor, output.descriptor, complaints.descriptor];
  const child = await startChild(binary, [basename(binary)], { files });
  mine.move();
  let printed = "";
  const exited = child.exited.then((code) => {
    stdin.destroy();
    printed = complaints.take(code === 0 ? 0 : printedBytes);
    return code;
  });
  const transport: TreeTransport = {
    input: stdout,
    write: async (data) => {
      // What is written in one turn goes out in one call.
      stdin.cork();
      process.nextTick(() => stdin.uncork());
      if (!stdin.write(data) && stdin.writable) await drained(stdin);
    },
    closeOutput: async () => void stdin.end(),
    close: () => child.kill(),
    ending: async () => `it ended with code ${await exited} ${printed}`.trim(),
  };
  return {
    transport,
    exited,
    printed: () => printed,
    kill: () => child.kill(),
    end: async () => {
      stdin.end();
      stdout.resume();
      const timer = setTimeout(() => child.kill(), endMilliseconds);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Resolves when more may be written, or never again. */
async function drained(output: Writable): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  output.once("drain", resolve).once("close", resolve);
  await promise;
  output.off("drain", resolve).off("close", resolve);
}

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { treeOperation, walkFlag } from "../../../src/kit/tree/operations.ts";
import { FrameBuilder } from "../../../src/kit/tree/values.ts";

const metadata = { mode: 0o644, uid: 1, gid: 2, modifiedSeconds: 3, modifiedNanoseconds: 4 };
const attributes = [{ name: Buffer.from("user.a"), value: Buffer.from([0, 255]) }];

type Fill = (frame: FrameBuilder) => unknown;

function session(...operations: readonly (readonly [number, Fill])[]): Buffer {
  const builder = new FrameBuilder(64 << 10);
  for (const [index, [type, fill]] of operations.entries()) {
    fill(builder.begin(type, index + 1));
    builder.end();
  }
  return builder.take();
}

const text = (value: string): Buffer => Buffer.from(value);
const none: Fill = () => undefined;
const folder = (path: string): readonly [number, Fill] => [
  treeOperation.directory,
  (frame) => frame.u8(0).metadata(metadata).bytes(text(path)).attributes(attributes),
];
const file = (path: string, content: string): readonly [number, Fill] => [
  treeOperation.file,
  (frame) =>
    frame
      .u8(0)
      .u8(0)
      .metadata(metadata)
      .u64(content.length)
      .bytes(text(path))
      .attributes([])
      .bytes(text(content)),
];

const node = (path: string): readonly [number, Fill] => [
  treeOperation.node,
  (frame) =>
    frame
      .u8(0)
      .metadata({ ...metadata, mode: 0o10644 })
      .u32(0)
      .u32(0)
      .bytes(text(path))
      .attributes([]),
];
const restated = (path: string, mode: number): readonly [number, Fill] => [
  treeOperation.metadata,
  (frame) =>
    frame
      .u8(15)
      .metadata({ ...metadata, mode })
      .bytes(text(path))
      .attributes(attributes),
];

/** Sessions that together use every operation; the fuzzer starts from them. */
export const seeds: Readonly<Record<string, Buffer>> = {
  make: session(folder("d"), file("d/f", "hello"), file("d/../g", "x"), [
    treeOperation.barrier,
    none,
  ]),
  stream: session(
    [
      treeOperation.file,
      (frame) =>
        frame
          .u8(0)
          .u8(1)
          .metadata(metadata)
          .u64(9)
          .bytes(text("s"))
          .attributes([])
          .bytes(text("ab")),
    ],
    [treeOperation.data, (frame) => frame.u64(4).raw(text("cd"))],
    [treeOperation.end, (frame) => frame.metadata(metadata).attributes(attributes)],
    [treeOperation.barrier, none],
  ),
  links: session(
    file("a", "x"),
    [
      treeOperation.symlink,
      (frame) =>
        frame.u8(0).metadata(metadata).bytes(text("l")).bytes(text("/../a")).attributes(attributes),
    ],
    [treeOperation.hardlink, (frame) => frame.u8(0).bytes(text("h")).bytes(text("a"))],
    node("p"),
    [treeOperation.whiteout, (frame) => frame.bytes(text("w"))],
    [treeOperation.opaque, (frame) => frame.bytes(text("o"))],
    [treeOperation.remove, (frame) => frame.bytes(text("o"))],
    [treeOperation.barrier, none],
  ),
  restate: session(
    file("a", "x"),
    [treeOperation.hardlink, (frame) => frame.u8(0).bytes(text("h")).bytes(text("a"))],
    restated("h", 0o4755),
    node("p"),
    [treeOperation.hardlink, (frame) => frame.u8(0).bytes(text("q")).bytes(text("p"))],
    restated("q", 0o2711),
    [
      treeOperation.symlink,
      (frame) => frame.u8(0).metadata(metadata).bytes(text("l")).bytes(text("a")).attributes([]),
    ],
    restated("l", 0o777),
    [treeOperation.tree, (frame) => frame.u8(walkFlag.content).bytes(text(""))],
    [treeOperation.barrier, none],
  ),
  look: session(
    folder("t"),
    file("t/f", "content"),
    [
      treeOperation.metadata,
      (frame) => frame.u8(15).metadata(metadata).bytes(text("t")).attributes(attributes),
    ],
    [treeOperation.stat, (frame) => frame.u8(1).bytes(text("t/f"))],
    [treeOperation.read, (frame) => frame.u64(3).bytes(text("t/f"))],
    [treeOperation.tree, (frame) => frame.u8(walkFlag.content | walkFlag.overlay).bytes(text(""))],
    [treeOperation.barrier, none],
  ),
  copy: session(
    folder("from"),
    file("from/f", "content"),
    [treeOperation.hardlink, (frame) => frame.u8(0).bytes(text("from/h")).bytes(text("from/f"))],
    [treeOperation.barrier, none],
    [
      treeOperation.copy,
      (frame) => frame.u8(1).u8(6).u32(1).u32(2).u64(3).bytes(text("from")).bytes(text("t")),
    ],
    [treeOperation.barrier, none],
    [treeOperation.tree, (frame) => frame.u8(walkFlag.content | walkFlag.packed).bytes(text(""))],
  ),
};

/** Writes the kept seeds; run by hand after the protocol changed. */
export function keepSeeds(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, bytes] of Object.entries(seeds)) writeFileSync(join(directory, name), bytes);
}

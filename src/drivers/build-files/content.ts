import { DuetError } from "../../kit/errors.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { treeAnswer, treeOperation } from "../../kit/tree/operations.ts";
import { walkTree } from "../../kit/tree/walk.ts";

const zeros = Buffer.alloc(256 << 10);

/** A regular file's whole content in order, holes as zeros. Whoever leaves early ends the link. */
export async function* contentOf(
  link: TreeLink,
  path: Buffer,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let position = 0;
  let size = 0;
  for await (const step of walkTree(link, path, { content: true }, signal)) {
    if (step.kind === "entry") {
      ({ size } = step.entry);
      continue;
    }
    yield* hole(step.offset - position);
    yield step.data;
    position = step.offset + step.data.length;
  }
  yield* hole(size - position);
}

function* hole(size: number): Generator<Buffer, void, void> {
  for (let left = size; left > 0; left -= zeros.length) {
    yield left < zeros.length ? zeros.subarray(0, left) : zeros;
  }
}

/** Whole small file. Throws `not-found` PATH_NOT_FOUND, `too-large`. */
export async function readSmallFile(
  link: TreeLink,
  path: Buffer,
  limit: number,
  signal: AbortSignal,
): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  const answers = link.ask(
    treeOperation.read,
    (frame) => frame.u64(limit).bytes(path),
    signal,
    path.toString("utf8"),
  );
  for await (const { type, values } of answers) {
    if (type !== treeAnswer.content) continue;
    const part = values.rest();
    size += part.length;
    if (size > limit) {
      throw new DuetError("too-large", "FILE_TOO_LARGE", `a file is over ${limit} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

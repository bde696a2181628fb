import { constants } from "node:fs";
import { DuetError } from "../../kit/errors.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { packSteps, walkTree, type TreeStep } from "../../kit/tree/walk.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";

/** The members of a tree as it lies in a larger one; see RootfsSession.members. */
export async function* placedMembers(
  link: TreeLink,
  folder: Buffer,
  at: { readonly place: string; readonly without: readonly string[] },
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  const place = Buffer.from(at.place);
  const hidden = at.without.map((path) => Buffer.from(path));
  const steps = walkTree(link, folder, { content: true }, signal);
  yield* packSteps(visible(steps, place, hidden), (entry) => {
    const name = placed(place, entry.path);
    return name.length === 0 ? undefined : name;
  });
}

function placed(place: Buffer, path: Buffer): Buffer {
  if (place.length === 0 || path.length === 0) return place.length === 0 ? path : place;
  return Buffer.concat([place, Buffer.from("/"), path]);
}

/** Without what is mounted over, and without the folder that a file system of its own has for lost files. */
async function* visible(
  steps: AsyncIterable<TreeStep>,
  place: Buffer,
  hidden: readonly Buffer[],
): AsyncGenerator<TreeStep, void, void> {
  const lost = new Set<string>();
  let isHidden = false;
  for await (const step of steps) {
    if (step.kind === "entry") {
      const { entry } = step;
      const name = placed(place, entry.path);
      isHidden = isLostAndFound(entry) || hidden.some((other) => isAtOrBelow(name, other));
      const inode = `${entry.device}:${entry.inode}`;
      if (isHidden && entry.links > 1 && !entry.seen) lost.add(inode);
      if (!isHidden && entry.seen && lost.has(inode)) throw outOfReach(name);
    }
    if (!isHidden) yield step;
  }
}

function isLostAndFound(entry: TreeEntry): boolean {
  const isFolder = (entry.mode & constants.S_IFMT) === constants.S_IFDIR;
  return isFolder && entry.path.toString("latin1") === "lost+found";
}

function isAtOrBelow(name: Buffer, other: Buffer): boolean {
  const length = other.length;
  if (name.compare(other, 0, length, 0, Math.min(length, name.length)) !== 0) return false;
  return name.length === length || name[length] === 0x2f;
}

/** Its content came with the first name, which was left out. */
function outOfReach(name: Buffer): DuetError {
  return new DuetError(
    "unsupported",
    "LINK_UNDER_MOUNT",
    `the content of a file lies where something else is mounted · ${JSON.stringify(name.toString("utf8").slice(0, 200))}`,
  );
}

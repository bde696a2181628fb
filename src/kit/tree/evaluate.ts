import { DuetError, isDuetError } from "../errors.ts";
import type { TreeLink } from "./link.ts";
import { treeOperation } from "./operations.ts";
import type { TreeEntry } from "./values.ts";

const mostLinks = 40;

/** What is at `path`, or undefined where nothing is. Follows a link in the last component where `follow`. */
export async function lookAt(
  link: TreeLink,
  path: Buffer,
  follow: boolean,
  signal: AbortSignal,
): Promise<TreeEntry | undefined> {
  try {
    const values = await link.answer(
      treeOperation.stat,
      (frame) => frame.u8(follow ? 1 : 0).bytes(path),
      signal,
      path.toString("utf8"),
    );
    return values.entry();
  } catch (error) {
    if (isDuetError(error, "not-found")) return undefined;
    /* A file where a folder is looked for: there is nothing below it. */
    if (isDuetError(error, "invalid") && error.code === "NOT_A_DIRECTORY") return undefined;
    throw error;
  }
}

/**
 * The path without links, `.` and `..`, below the root; what does not exist stays as it is written. Throws
 * `denied` PATH_ESCAPES after 40 links.
 */
export async function evaluatePath(
  link: TreeLink,
  path: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const waiting = components(path.toString("latin1"));
  const done: string[] = [];
  let links = 0;
  let missing = false;
  while (waiting.length > 0) {
    const next = waiting.shift()!;
    if (next === "..") {
      done.pop();
      continue;
    }
    done.push(next);
    if (missing) continue;
    const entry = await lookAt(link, Buffer.from(done.join("/"), "latin1"), false, signal);
    missing = entry === undefined;
    const target = entry?.linkName.toString("latin1") ?? "";
    if (target === "") continue;
    links += 1;
    if (links > mostLinks) {
      throw new DuetError(
        "denied",
        "PATH_ESCAPES",
        `too many links on the way to ${JSON.stringify(path.toString("utf8"))}`,
      );
    }
    done.pop();
    if (target.startsWith("/")) done.length = 0;
    waiting.unshift(...components(target));
  }
  return Buffer.from(done.join("/"), "latin1");
}

function components(path: string): string[] {
  return path.split("/").filter((component) => component !== "" && component !== ".");
}

import { DuetError } from "../errors.ts";
import type { TreeView } from "./view.ts";

const mostLinks = 40;

/**
 * The path without links, `.` and `..`, below the root; what does not exist stays as it is written. Throws
 * `denied` PATH_ESCAPES after 40 links.
 */
export async function evaluatePath(
  view: Pick<TreeView, "look">,
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
    const entry = await view.look(Buffer.from(done.join("/"), "latin1"), signal);
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

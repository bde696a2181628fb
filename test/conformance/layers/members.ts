import { createHash } from "node:crypto";
import { readAll } from "../../kit/tar/samples.ts";
import type { Facts, Tree } from "./trees.ts";

const newSeconds = 1_700_000_000;

/** What a tar says at each path, the last word where it says several; a second name is told with the first. */
export async function membersOf(tar: Buffer): Promise<Tree> {
  const tree: Record<string, Facts> = {};
  for (const { entry, content } of await readAll(tar)) {
    const path = entry.name.toString("latin1").replace(/^(?:\.?\/)+/, "");
    const { kind, uid, gid, modifiedSeconds, size } = entry;
    const isMarker = path.split("/").at(-1)!.startsWith(".wh.");
    const isNew = modifiedSeconds > newSeconds;
    tree[path] = isMarker
      ? { kind }
      : {
          kind,
          mode: entry.mode.toString(8),
          owner: `${uid}:${gid}`,
          time: isNew ? "new" : modifiedSeconds,
          ...(kind === "file" ? { size, content: digest(content) } : {}),
          ...(entry.linkName.length > 0 ? { link: entry.linkName.toString("latin1") } : {}),
          ...(kind === "character" ? { device: `${entry.deviceMajor}:${entry.deviceMinor}` } : {}),
        };
  }
  return tree;
}

function digest(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

import type { CopyTarget } from "../../domain/build/files.ts";
import { DuetError } from "../../kit/errors.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import type { TreeLink } from "../../kit/tree/link.ts";
import { joinPath, splitPath } from "../../kit/tree/names.ts";
import { treePolicy } from "../../kit/tree/operations.ts";
import type { TreeMetadata } from "../../kit/tree/values.ts";
import type { TreeView } from "../../kit/tree/view.ts";
import type { TreeWriter } from "../../kit/tree/writer.ts";
import { isFolder } from "./places.ts";

/** The writable root that a step changes. */
export interface OpenTarget {
  readonly link: TreeLink;
  readonly view: TreeView;
  readonly writer: TreeWriter;
  readonly wanted: CopyTarget;
}

/** As Docker has it, COPY's mode is that of the folders that lead there, too, where it is a number: under its umask. */
function folderMode(mode: string | null): number {
  return mode !== null && /^[0-7]+$/.test(mode) ? Number.parseInt(mode, 8) & 0o755 : 0o755;
}

/** Mode and owner of a folder that COPY makes. */
export function madeAs({ mode, owner }: CopyTarget): Pick<TreeMetadata, "mode" | "uid" | "gid"> {
  return { mode: folderMode(mode), uid: owner?.uid ?? 0, gid: owner?.gid ?? 0 };
}

/**
 * Makes the missing folders of an absolute path, links on the way followed; gives the path without links. Throws
 * `invalid` NOT_A_DIRECTORY where something else is in the way.
 */
export async function makeFolders(
  target: OpenTarget,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly path: Buffer; readonly made: boolean }> {
  const real = await evaluatePath(target.view, Buffer.from(path), signal);
  const missing: Buffer[] = [];
  for (let at = real; at.length > 0; at = splitPath(at).folder) {
    const entry = await target.view.look(at, signal);
    if (entry === undefined) missing.unshift(at);
    else if (isFolder(entry)) break;
    else throw notFolder(at);
  }
  const now = Math.floor(Date.now() / 1_000);
  const { latestTime } = target.wanted;
  const time = { modifiedSeconds: Math.min(now, latestTime ?? now), modifiedNanoseconds: 0 };
  for (const folder of missing) {
    const metadata = { ...madeAs(target.wanted), ...time };
    await target.writer.folder(folder, metadata, [], treePolicy.keep);
  }
  if (missing.length > 0) await target.link.barrier(signal);
  return { path: real, made: missing.length > 0 };
}

/** Where a file goes that is called `name`: into the destination where that is a folder, else in its place. */
export async function placeOfFile(
  target: OpenTarget,
  name: Buffer,
  signal: AbortSignal,
): Promise<Buffer> {
  const { destination } = target.wanted;
  if (endsAsFolder(destination)) {
    const folder = await makeFolders(target, destination, signal);
    return joinPath([folder.path, name]);
  }
  await makeFolders(target, parentOf(destination), signal);
  const path = await evaluatePath(target.view, Buffer.from(destination), signal);
  const entry = await target.view.look(path, signal);
  return entry !== undefined && isFolder(entry) ? joinPath([path, name]) : path;
}

/**
 * Where a folder's content goes. What was not there is made like the folders that lead there: as Docker has it, the
 * source's own owner and mode do not come with it.
 */
export async function placeOfFolder(
  target: OpenTarget,
  signal: AbortSignal,
): Promise<{ readonly path: Buffer; readonly made: boolean }> {
  return await makeFolders(target, target.wanted.destination, signal);
}

function endsAsFolder(path: string): boolean {
  return path.endsWith("/") || path.endsWith("/.");
}

function parentOf(path: string): string {
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  return `/${parts.slice(0, -1).join("/")}`;
}

export function notFolder(path: Buffer): DuetError {
  const shown = JSON.stringify(`/${path.toString("utf8")}`);
  return new DuetError("invalid", "NOT_A_DIRECTORY", `cannot copy to non-directory: ${shown}`, {
    hint: "name the folder that the link leads to, or remove what is there",
  });
}

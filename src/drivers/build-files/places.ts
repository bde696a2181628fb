import { constants } from "node:fs";
import { compileMatch } from "../../kit/patterns/match.ts";
import { DuetError } from "../../kit/errors.ts";
import { evaluatePath } from "../../kit/tree/evaluate.ts";
import { joinPath, splitPath } from "../../kit/tree/names.ts";
import type { TreeEntry } from "../../kit/tree/values.ts";
import type { TreeView } from "../../kit/tree/view.ts";

/** Something that a selection's path names. */
export interface Place {
  /** Its name as it was asked for, before links are followed. */
  readonly name: Buffer;
  /** Where it is, without links. */
  readonly path: Buffer;
  readonly entry: TreeEntry;
}

/**
 * What `pattern` (Go's filepath.Match, component by component) names in a tree, in the order of names. Links are
 * followed up to the first wildcard, and in what was found. Throws `not-found` SOURCE_NOT_FOUND where there is
 * no wildcard and nothing is there, SOURCE_FOLDER_NOT_FOUND where what is before the first is not there.
 */
export async function findPlaces(
  view: TreeView,
  pattern: string,
  signal: AbortSignal,
): Promise<readonly Place[]> {
  const parts = pattern.split("/").filter((part) => part !== "" && part !== ".");
  const firstWild = parts.findIndex(hasWildcard);
  if (firstWild < 0) return [await placeAt(view, pattern, signal)];
  const fixed = Buffer.from(parts.slice(0, firstWild).map(unescape).join("/"));
  const base = await evaluatePath(view, fixed, signal);
  if ((await view.look(base, signal)) === undefined) throw noFolder(fixed);
  const matched = await descend(view, base, parts.slice(firstWild), signal);
  const places: Place[] = [];
  for (const path of matched) {
    const real = await evaluatePath(view, path, signal);
    const entry = await view.look(real, signal);
    if (entry !== undefined) places.push({ name: splitPath(path).name, path: real, entry });
  }
  return places;
}

/** What is at a path that is no pattern, links followed. Throws `not-found` SOURCE_NOT_FOUND. */
export async function placeAt(view: TreeView, asked: string, signal: AbortSignal): Promise<Place> {
  const parts = asked.split("/").filter((part) => part !== "" && part !== ".");
  const path = await evaluatePath(view, Buffer.from(parts.join("/")), signal);
  const entry = await view.look(path, signal);
  if (entry === undefined) throw notFound(asked);
  return { name: Buffer.from(parts.at(-1) ?? ""), path, entry };
}

/** Paths below `folder` that the components match; folders on the way are real ones, no links. */
async function descend(
  view: TreeView,
  folder: Buffer,
  parts: readonly string[],
  signal: AbortSignal,
): Promise<readonly Buffer[]> {
  const [part, ...rest] = parts;
  const matches = compileMatch(part!);
  const found: Buffer[] = [];
  const inside: Buffer[] = [];
  const entry = await view.look(folder, signal);
  if (entry === undefined || !isFolder(entry)) return [];
  for await (const step of view.walk(folder, { content: false, shallow: true }, signal)) {
    if (step.kind !== "entry" || step.entry.path.length === 0) continue;
    if (!matches(step.entry.path.toString("utf8"))) continue;
    const path = joinPath([folder, step.entry.path]);
    if (rest.length === 0) found.push(path);
    else if (isFolder(step.entry)) inside.push(path);
  }
  for (const path of inside) found.push(...(await descend(view, path, rest, signal)));
  return found;
}

export function isFolder(entry: Pick<TreeEntry, "mode">): boolean {
  return (entry.mode & constants.S_IFMT) === constants.S_IFDIR;
}

export function isRegular(entry: Pick<TreeEntry, "mode">): boolean {
  return (entry.mode & constants.S_IFMT) === constants.S_IFREG;
}

export function hasWildcard(part: string): boolean {
  return /[*?[\\]/.test(part);
}

/** A fixed component before a wildcard may be escaped, too. */
function unescape(part: string): string {
  return part.replaceAll(/\\(.)/g, "$1");
}

/** In BuildKit's words. A client that sends only what is named sends no folder of which nothing is. */
function noFolder(path: Buffer): DuetError {
  const message = `lstat /${path.toString("utf8")}: no such file or directory`;
  return new DuetError("not-found", "SOURCE_FOLDER_NOT_FOUND", message, {
    hint: "no file matches the pattern; the path is relative to the root of the context or stage",
  });
}

export function notFound(path: string): DuetError {
  const shown = path.startsWith("/") ? path : `/${path}`;
  return new DuetError("not-found", "SOURCE_NOT_FOUND", `${JSON.stringify(shown)}: not found`, {
    hint: "the path is relative to the root of the context or stage; .dockerignore may leave it out",
  });
}

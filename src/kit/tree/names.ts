import { DuetError } from "../errors.ts";

const slash = 0x2f;
const dot = 0x2e;

/**
 * A member's name as a path below the root: no leading slash, no empty, `.` or `..` component. An
 * absolute name is clamped at the root; a relative one that climbs out is `denied` PATH_ESCAPES.
 * The root itself is the empty path.
 */
export function pathBelowRoot(name: Buffer): Buffer {
  return isPlain(name) ? name : normalize(name);
}

/** Whether no component is empty, `.` or `..`. */
export function isPlain(name: Buffer): boolean {
  let start = 0;
  for (let index = 0; index <= name.length; index += 1) {
    if (index < name.length && name[index] !== slash) continue;
    const size = index - start;
    if (size === 0 || (size <= 2 && name[start] === dot && name[index - 1] === dot)) return false;
    start = index + 1;
  }
  return true;
}

function normalize(name: Buffer): Buffer {
  const absolute = name[0] === slash;
  const kept: Buffer[] = [];
  let start = 0;
  for (let index = 0; index <= name.length; index += 1) {
    if (index < name.length && name[index] !== slash) continue;
    const component = name.subarray(start, index);
    start = index + 1;
    if (component.length === 0 || (component.length === 1 && component[0] === dot)) continue;
    if (component.length === 2 && component[0] === dot && component[1] === dot) {
      if (kept.pop() === undefined && !absolute) throw escapes(name);
      continue;
    }
    kept.push(component);
  }
  return joinPath(kept);
}

function escapes(name: Buffer): DuetError {
  const shown = JSON.stringify(name.subarray(0, 200).toString("utf8"));
  return new DuetError("denied", "PATH_ESCAPES", `a member's name leads out of the root: ${shown}`);
}

const separator = Buffer.from("/");

export function joinPath(parts: readonly Buffer[]): Buffer {
  if (parts.length === 1) return parts[0]!;
  const pieces: Buffer[] = [];
  for (const part of parts) {
    if (part.length === 0) continue;
    if (pieces.length > 0) pieces.push(separator);
    pieces.push(part);
  }
  return Buffer.concat(pieces);
}

/** Folder and last component; the folder of a top-level name is empty. */
export function splitPath(path: Buffer): { readonly folder: Buffer; readonly name: Buffer } {
  const at = path.lastIndexOf(slash);
  return at < 0
    ? { folder: Buffer.alloc(0), name: path }
    : { folder: path.subarray(0, at), name: path.subarray(at + 1) };
}

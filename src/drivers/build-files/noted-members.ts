import { createHash } from "node:crypto";
import type { Digest } from "../../domain/digest.ts";
import { kindBits, type TarEntry } from "../../kit/tar/entry.ts";
import { pathBelowRoot } from "../../kit/tree/names.ts";
import type { ContextIndex, IndexedEntry } from "./context-index.ts";
import { hashZeros } from "./holes.ts";

/** Owner of everything instead of the archive's. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** What a context may hold of a tar's members. */
export async function* withoutDevices(
  entries: AsyncIterable<TarEntry>,
): AsyncGenerator<TarEntry, void, void> {
  for await (const entry of entries) {
    if (entry.kind !== "character" && entry.kind !== "block") yield entry;
  }
}

/** The members as they pass, noted in the index with the digests of their contents. */
export async function* noteMembers(
  entries: AsyncIterable<TarEntry>,
  index: ContextIndex,
  owner: Owner | undefined,
  signal: AbortSignal,
): AsyncGenerator<TarEntry, void, void> {
  for await (const entry of withoutDevices(entries)) {
    const path = pathBelowRoot(entry.name);
    const hash = createHash("sha256");
    let position = 0;
    const withHash = async function* (): AsyncGenerator<{ offset: number; data: Buffer }> {
      for await (const piece of entry.pieces()) {
        await hashZeros(hash, piece.offset - position, signal);
        hash.update(piece.data);
        position = piece.offset + piece.data.length;
        yield piece;
      }
    };
    yield entry.kind === "file" ? { ...entry, pieces: withHash } : entry;
    await hashZeros(hash, entry.size - position, signal);
    const noted = notedEntry(entry, path, index, `sha256:${hash.digest("hex")}`);
    if (entry.kind !== "directory") index.remove(path);
    if (entry.kind === "hardlink" && noted.digest === null) index.isExact = false;
    index.put({ ...noted, ...owner });
  }
}

function notedEntry(
  entry: TarEntry,
  path: Buffer,
  index: ContextIndex,
  digest: Digest,
): IndexedEntry {
  const target = entry.kind === "hardlink" ? index.get(pathBelowRoot(entry.linkName)) : undefined;
  // One file has one owner, mode and time, whatever a further name's member says of them.
  if (target !== undefined && target.digest !== null) {
    return { ...target, path, link: target.link.length > 0 ? target.link : target.path };
  }
  return {
    path,
    mode: entry.mode | kindBits[entry.kind],
    uid: entry.uid,
    gid: entry.gid,
    size: entry.kind === "file" ? entry.size : 0,
    modifiedAt: BigInt(entry.modifiedSeconds) * nanoseconds + BigInt(entry.modifiedNanoseconds),
    link: entry.kind === "symlink" ? entry.linkName : none,
    attributes: entry.attributes,
    digest: entry.kind === "file" ? digest : null,
  };
}

const none = Buffer.alloc(0);
const nanoseconds = 1_000_000_000n;

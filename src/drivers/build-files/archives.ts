import { decompress, detectCompression } from "../../kit/decompress.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { treePolicy } from "../../kit/tree/operations.ts";
import { unpackTar } from "../../kit/tree/unpack.ts";
import { makeFolders, type OpenTarget } from "./destination.ts";

/** Bytes that may come out of one archive. */
const largestArchive = 64 * 2 ** 30;
const block = 512;
const capability = Buffer.from("security.capability");

/** Gives the content anew at each call. */
export type ContentSource = () => AsyncIterable<Uint8Array>;

/** Whether the content is a tar, compressed (gzip, zstd, xz, bzip2) or not; by its bytes, never by its name. */
export async function isArchive(content: ContentSource, signal: AbortSignal): Promise<boolean> {
  try {
    const plain = await plainContent(content, signal);
    for await (const entry of readTar(plain, { totalSize: largestArchive })) {
      return entry.name.length > 0;
    }
  } catch (error) {
    signal.throwIfAborted();
    if (isDuetError(error, "corrupt") || isDuetError(error, "too-large")) return false;
    throw error;
  }
  return false;
}

/** Unpacks a tar into the destination, which becomes a folder; owners and modes are the archive's. */
export async function unpackArchive(
  target: OpenTarget,
  content: ContentSource,
  signal: AbortSignal,
): Promise<void> {
  const { destination, owner } = target.wanted;
  const folder = await makeFolders(target, destination, signal);
  await unpackTar(
    target.link,
    withCapabilities(readTar(await plainContent(content, signal), { totalSize: largestArchive })),
    {
      base: folder.path,
      format: "archive",
      policy: treePolicy.replace,
      ...(owner === null ? {} : { owner }),
    },
    signal,
  );
}

/** Of a member's attributes Docker's builder keeps the capabilities alone. */
async function* withCapabilities(
  members: AsyncIterable<TarEntry>,
): AsyncGenerator<TarEntry, void, void> {
  for await (const member of members) {
    const attributes = member.attributes.filter(({ name }) => name.equals(capability));
    yield attributes.length === member.attributes.length ? member : { ...member, attributes };
  }
}

async function plainContent(
  content: ContentSource,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer>> {
  const start = await startOf(content);
  /* What begins with neither a compression's mark nor a tar's header needs no reading. */
  if (detectCompression(start) === "none" && !looksLikeTar(start)) return nothing();
  return decompress(content(), { limit: largestArchive, signal });
}

async function startOf(content: ContentSource): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of content()) {
    parts.push(chunk);
    size += chunk.length;
    if (size >= block) break;
  }
  return Buffer.concat(parts);
}

/** The checksum field of a header is octal digits, blanks and NULs (POSIX ustar). */
function looksLikeTar(start: Buffer): boolean {
  if (start.length < block) return false;
  return /^[ 0-7]{1,7}[\0 ]/.test(start.subarray(148, 156).toString("latin1"));
}

async function* nothing(): AsyncGenerator<Buffer, void, void> {
  /* An empty stream has no member. */
}

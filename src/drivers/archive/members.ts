import { randomBytes } from "node:crypto";
import { posix } from "node:path";
import type { LayerWatch } from "../../domain/archive.ts";
import type { ContentStore } from "../../domain/content.ts";
import { isDigest, type Digest } from "../../domain/digest.ts";
import { maximumManifestBytes } from "../../domain/manifest.ts";
import { Show, tarMagicEnd } from "./show.ts";
import { decompress, detectCompression, type Compression } from "../../kit/decompress.ts";
import { DuetError } from "../../kit/errors.ts";
import { readTar } from "../../kit/tar/reader.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";
import { archiveInvalid, quoted } from "./invalid.ts";

/** A file of the archive, in the content store by now. */
export interface StoredMember {
  readonly digest: Digest;
  readonly size: number;
  readonly compression: Compression;
}

const maximumMembers = 20_000;
const maximumLinks = 8;
const maximumNameBytes = 1_024;
/** Members that are read whole, not stored: they are about the archive, not of an image. */
const documentNames: ReadonlySet<string> = new Set([
  "oci-layout",
  "index.json",
  "manifest.json",
  "repositories",
]);
const blobName = /^blobs\/([a-z0-9]+)\/([^/]+)$/;

/** What an archive holds, by name. Links are names of other members; nothing is a path of this host. */
export class Members {
  private readonly files = new Map<string, StoredMember>();
  private readonly links = new Map<string, string>();
  private readonly documents = new Map<string, Buffer>();

  document(name: string): Buffer | undefined {
    return this.documents.get(name);
  }

  /** The file of that name, also by way of the archive's own links. */
  file(name: string): StoredMember | undefined {
    let current = name;
    for (let hop = 0; hop <= maximumLinks; hop += 1) {
      const found = this.files.get(current);
      const next = this.links.get(current);
      if (found !== undefined || next === undefined) return found;
      current = next;
    }
    throw archiveInvalid(`its links lead in a circle: ${quoted(name)}`);
  }

  addFile(name: string, file: StoredMember): void {
    this.checkNew(name);
    this.files.set(name, file);
  }

  addDocument(name: string, content: Buffer): void {
    this.checkNew(name);
    this.documents.set(name, content);
  }

  addLink(name: string, target: string): void {
    this.checkNew(name);
    this.links.set(name, target);
  }

  private checkNew(name: string): void {
    if (this.files.has(name) || this.links.has(name) || this.documents.has(name)) {
      throw archiveInvalid(`it has two members of the name ${quoted(name)}`);
    }
  }
}

/**
 * Takes the members of a tar in, in whatever order they come: every file becomes a blob under the
 * digest that it turns out to have. Blobs that no image uses are left to garbage collection.
 */
export async function takeIn(
  tar: AsyncIterable<Uint8Array>,
  content: ContentStore,
  signal: AbortSignal,
  watch?: LayerWatch,
): Promise<Members> {
  const members = new Members();
  for await (const entry of readTar(decompress(tar, { signal }), { entries: maximumMembers })) {
    signal.throwIfAborted();
    if (entry.kind === "directory") continue;
    const name = memberName(entry.name);
    if (entry.kind === "file") await takeFile(members, name, entry, content, watch);
    else if (entry.kind === "symlink") members.addLink(name, linkTarget(name, entry));
    else if (entry.kind === "hardlink") members.addLink(name, memberName(entry.linkName));
    else throw archiveInvalid(`it has a ${entry.kind} where files belong: ${quoted(name)}`);
  }
  return members;
}

async function takeFile(
  members: Members,
  name: string,
  entry: TarEntry,
  content: ContentStore,
  watch: LayerWatch | undefined,
): Promise<void> {
  if (documentNames.has(name)) {
    members.addDocument(name, await readDocument(name, entry));
    return;
  }
  const expected = promisedDigest(name);
  const present = expected === undefined ? undefined : await content.size(expected);
  if (expected !== undefined && present === entry.size) {
    const compression = await compressionOf(content, expected);
    members.addFile(name, { digest: expected, size: present, compression });
    return;
  }
  members.addFile(name, await store(entry, expected, content, watch));
}

async function store(
  entry: TarEntry,
  expected: Digest | undefined,
  content: ContentStore,
  watch: LayerWatch | undefined,
): Promise<StoredMember> {
  await using ingest = await content.ingest(`archive-${randomBytes(16).toString("hex")}`);
  const show = new Show(watch);
  try {
    let start = Buffer.alloc(0);
    for await (const chunk of entry.content()) {
      if (start.length < tarMagicEnd)
        start = Buffer.concat([start, chunk.subarray(0, tarMagicEnd - start.length)]);
      await ingest.append(chunk);
      await show.pass(chunk, start, entry.size);
    }
    const promise = expected === undefined ? undefined : { digest: expected, size: entry.size };
    const stored = { ...(await ingest.commit(promise)), compression: detectCompression(start) };
    show.end(stored.digest);
    return stored;
  } catch (error) {
    show.fail(error);
    // Its key is never asked for again: what it holds is of no use.
    await ingest.truncate().catch(() => undefined);
    throw error;
  }
}

async function compressionOf(content: ContentStore, digest: Digest): Promise<Compression> {
  for await (const chunk of await content.stream(digest)) return detectCompression(chunk);
  return "none";
}

async function readDocument(name: string, entry: TarEntry): Promise<Buffer> {
  if (entry.size > maximumManifestBytes) {
    throw new DuetError(
      "too-large",
      "ARCHIVE_TOO_LARGE",
      `the archive's ${name} is larger than 4 MiB`,
    );
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry.content()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The digest that a blob's name in an OCI layout promises. */
function promisedDigest(name: string): Digest | undefined {
  const match = blobName.exec(name);
  if (match === null) return undefined;
  const digest = `${match[1]}:${match[2]}`;
  if (isDigest(digest)) return digest;
  throw archiveInvalid(`a blob's name is not a digest that Duet accepts: ${quoted(name)}`);
}

function linkTarget(name: string, entry: TarEntry): string {
  const target = nameText(entry.linkName);
  if (target.startsWith("/")) throw archiveInvalid(`a link leads out of it: ${quoted(name)}`);
  const resolved = posix.join(posix.dirname(name), target);
  if (resolved === ".." || resolved.startsWith("../"))
    throw archiveInvalid(`a link leads out of it: ${quoted(name)}`);
  return resolved;
}

/** `./a//b` becomes `a/b`; a name that leads out of the archive is refused. */
export function memberName(bytes: Buffer): string {
  const text = nameText(bytes);
  const parts = text.split("/");
  if (text.startsWith("/") || parts.includes(".."))
    throw archiveInvalid(`a name leads out of it: ${quoted(text)}`);
  const name = parts.filter((part) => part !== "" && part !== ".").join("/");
  if (name === "") throw archiveInvalid("a member has no name");
  return name;
}

function nameText(bytes: Buffer): string {
  if (bytes.length > maximumNameBytes)
    throw archiveInvalid(`a name is longer than ${maximumNameBytes} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw archiveInvalid("a name is not UTF-8");
  }
}

import { createHash, type Hash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDuetError } from "../../kit/errors.ts";
import { writeSparse } from "../../kit/sparse-file.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { diskTooLarge, refused, unsupportedDisk } from "./refused.ts";
import { elementsNamed, parseXml } from "./xml.ts";

const largestText = 1 << 20;
const largestDiskFile = 2 * 2 ** 40;
const mostMembers = 64;
const algorithms = ["sha1", "sha256", "sha512"] as const;
type Sums = Readonly<Record<(typeof algorithms)[number], string>>;

interface Member {
  readonly sums: Sums;
  /** Of a disk: where it was written. */
  readonly path: string | null;
  /** Of what is no disk: its content. */
  readonly text: string;
}

/**
 * Takes an appliance apart (DSP0243): gives the path, in `folder`, of the disk that its descriptor names
 * first. Members are plain files with plain names (attack group G 91); those that the manifest names have
 * to be what it says. Throws `invalid` DISK_REFUSED, `unsupported` DISK_UNSUPPORTED.
 */
export async function unpackOva(body: AsyncIterable<Uint8Array>, folder: string): Promise<string> {
  const members = await takeMembers(body, folder).catch((error: unknown) => {
    if (!isDuetError(error, "corrupt")) throw error;
    throw refused(`the appliance is damaged or incomplete · ${error.message}`);
  });
  const descriptors = [...members].filter(([name]) => name.endsWith(".ovf"));
  const [descriptor] = descriptors;
  if (descriptor === undefined || descriptors.length > 1)
    throw refused("the appliance needs one descriptor, a file that ends in .ovf");
  for (const [name, { text }] of members) if (name.endsWith(".mf")) checkManifest(text, members);
  const name = firstDisk(descriptor[1].text);
  const disk = members.get(name)?.path ?? null;
  if (disk === null) throw refused(`the appliance lacks its disk ${JSON.stringify(name)}`);
  for (const { path } of members.values())
    if (path !== null && path !== disk) await rm(path, { force: true });
  return disk;
}

async function takeMembers(
  body: AsyncIterable<Uint8Array>,
  folder: string,
): Promise<ReadonlyMap<string, Member>> {
  const members = new Map<string, Member>();
  const limits = { entries: mostMembers, totalSize: largestDiskFile };
  for await (const entry of readTar(body, limits)) {
    const name = plainName(entry);
    if (members.has(name)) throw refused(`the appliance has two files ${name}`);
    const path = join(folder, `member-${members.size}`);
    members.set(name, await takeMember(entry, name, path));
  }
  return members;
}

/** No path, no link, no ending but those of an appliance's parts. */
function plainName(entry: TarEntry): string {
  const name = entry.name.toString("latin1").replace(/^\.\//, "");
  if (entry.kind !== "file")
    throw refused(`the appliance has ${JSON.stringify(name.slice(0, 80))}, which is no file`);
  if (/^[A-Za-z0-9_][A-Za-z0-9 _.()+-]{0,200}\.(ovf|mf|cert|vmdk|img|iso|nvram|xml)$/i.test(name))
    return name;
  throw refused(`the appliance has a file with the name ${JSON.stringify(name.slice(0, 80))}`);
}

async function takeMember(entry: TarEntry, name: string, path: string): Promise<Member> {
  const hashes = algorithms.map((algorithm) => createHash(algorithm));
  if (!/\.(vmdk|img)$/i.test(name)) {
    if (/\.(ovf|mf|cert)$/i.test(name) && entry.size > largestText)
      throw diskTooLarge(`${name} has over 1 MiB`);
    const parts: Buffer[] = [];
    for await (const part of entry.content()) {
      for (const hash of hashes) hash.update(part);
      if (entry.size <= largestText) parts.push(part);
    }
    return { sums: sumsOf(hashes), path: null, text: Buffer.concat(parts).toString("utf8") };
  }
  const file = await open(path, "wx", 0o600);
  try {
    async function* hashed(): AsyncGenerator<Uint8Array, void, void> {
      for await (const part of entry.content()) {
        for (const hash of hashes) hash.update(part);
        yield part;
      }
    }
    await writeSparse(file, hashed());
  } finally {
    await file.close();
  }
  return { sums: sumsOf(hashes), path, text: "" };
}

function sumsOf(hashes: readonly Hash[]): Sums {
  const [sha1 = "", sha256 = "", sha512 = ""] = hashes.map((hash) => hash.digest("hex"));
  return { sha1, sha256, sha512 };
}

function checkManifest(text: string, members: ReadonlyMap<string, Member>): void {
  for (const line of text.split(/\r?\n/).filter((one) => one.trim() !== "")) {
    const match =
      /^(SHA1|SHA256|SHA512) ?\(([^()]{1,255}(?:\([^()]*\)[^()]*)?)\) ?= ?([0-9a-f]+)\s*$/i.exec(
        line,
      );
    if (match === null) throw refused("the appliance's manifest has a line that says nothing");
    const [, algorithm = "", name = "", sum = ""] = match;
    const member = members.get(name);
    if (member === undefined)
      throw refused(`the appliance's manifest names ${JSON.stringify(name)}, which is not there`);
    const own = member.sums[algorithm.toLowerCase() as keyof Sums];
    if (own !== sum.toLowerCase()) throw refused(`${name} is not what the manifest says`);
  }
}

/** The file of the first disk that has one. */
function firstDisk(descriptor: string): string {
  const envelope = parseXml(descriptor);
  if (envelope.name !== "Envelope") throw refused("its OVF descriptor has no envelope");
  const files = new Map(
    elementsNamed(envelope, "File").map((file) => [file.attributes.get("id") ?? "", file]),
  );
  const disk = elementsNamed(envelope, "Disk").find(({ attributes }) => attributes.has("fileRef"));
  const file = files.get(disk?.attributes.get("fileRef") ?? "");
  if (file === undefined) throw refused("its OVF descriptor names no disk");
  const compression = file.attributes.get("compression") ?? "identity";
  if (compression !== "identity")
    throw unsupportedDisk(`the appliance's disk is packed with ${compression}`);
  if (file.attributes.has("chunkSize")) throw unsupportedDisk("the appliance's disk is in pieces");
  if (disk?.attributes.has("parentRef") === true) throw refused("its disk builds on another one");
  return file.attributes.get("href") ?? "";
}

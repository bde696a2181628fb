import { parseHeaderBlock, type HeaderBlock } from "./block.ts";
import {
  blockSize,
  defaultTarLimits,
  tarInvalid,
  tarTooLarge,
  type SparseRegion,
  type TarAttribute,
  type TarEntry,
  type TarKind,
  type TarLimits,
  type TarPiece,
} from "./entry.ts";
import { emptyPax, parsePax, paxInteger, paxTime, type PaxRecords } from "./pax.ts";
import { ByteSource } from "./source.ts";
import { oldGnuSparse, paxSparse, type SparseMap } from "./sparse.ts";

/** Extended headers that belong to the member after them. */
interface Pending {
  pax: PaxRecords | null;
  longName: Buffer | null;
  longLink: Buffer | null;
}

const kindOfType: ReadonlyMap<number, TarKind> = new Map([
  [0, "file"],
  [0x30, "file"],
  [0x37, "file"],
  [0x53, "file"],
  [0x31, "hardlink"],
  [0x32, "symlink"],
  [0x33, "character"],
  [0x34, "block"],
  [0x35, "directory"],
  [0x36, "fifo"],
]);
const typeSparse = 0x53;
const zeros = Buffer.alloc(64 << 10);
const attributePrefix = "SCHILY.xattr.";

/**
 * The members of an uncompressed tar stream in order: ustar, PAX, GNU and old formats, sparse files
 * included. Reads strictly: what two parsers could understand differently is `corrupt` TAR_INVALID,
 * a member over a limit `too-large` TAR_TOO_LARGE. Whatever of an entry's content is left unread is
 * skipped. The whole stream is read to its end, so that a digest over the source is complete.
 */
export async function* readTar(
  stream: AsyncIterable<Uint8Array>,
  limits: Partial<TarLimits> = {},
): AsyncGenerator<TarEntry, void, void> {
  const source = new ByteSource(stream);
  const reader = new MemberReader(source, { ...defaultTarLimits, ...limits });
  try {
    for (let entry = await reader.next(); entry !== undefined; entry = await reader.next())
      yield entry;
  } finally {
    await source.close();
  }
}

class MemberReader {
  private readonly source: ByteSource;
  private readonly limits: TarLimits;
  private current: Content | undefined;
  private entries = 0;
  private totalSize = 0;

  constructor(source: ByteSource, limits: TarLimits) {
    this.source = source;
    this.limits = limits;
  }

  async next(): Promise<TarEntry | undefined> {
    await this.current?.finish();
    this.current = undefined;
    const pending: Pending = { pax: null, longName: null, longLink: null };
    for (;;) {
      const block = this.source.takeNow(blockSize) ?? (await this.source.take(blockSize));
      const header = block === undefined ? undefined : parseHeaderBlock(block);
      if (block === undefined || header === undefined) {
        if (pending.pax ?? pending.longName ?? pending.longLink)
          throw tarInvalid("an extended header without a member");
        if (block !== undefined) await this.readPadding();
        return undefined;
      }
      if (await this.readExtended(header, pending)) continue;
      return await this.member(header, block, pending);
    }
  }

  /** After the first block of zeros nothing but zeros may come. */
  private async readPadding(): Promise<void> {
    for (
      let part = await this.source.some(zeros.length);
      part;
      part = await this.source.some(zeros.length)
    ) {
      if (part.compare(zeros, 0, part.length) !== 0) throw tarInvalid("something follows its end");
    }
  }

  /** Takes in a header that only describes the next member; false for a real one. */
  private async readExtended(header: HeaderBlock, pending: Pending): Promise<boolean> {
    switch (header.type) {
      case 0x78:
        if (pending.pax !== null) throw tarInvalid("two extended headers for one member");
        pending.pax = parsePax(await this.extendedData(header.size), false);
        return true;
      case 0x67:
        /* It would hold for all that follow; no container engine takes it so, and the same layer is the same tree. */
        parsePax(await this.extendedData(header.size), true);
        return true;
      case 0x4c:
        if (pending.longName !== null) throw tarInvalid("two long names for one member");
        pending.longName = untilNul(await this.extendedData(header.size));
        return true;
      case 0x4b:
        if (pending.longLink !== null) throw tarInvalid("two long link names for one member");
        pending.longLink = untilNul(await this.extendedData(header.size));
        return true;
      case 0x56:
        await this.source.skip(padded(header.size));
        return true;
      default:
        return false;
    }
  }

  private async extendedData(size: number): Promise<Buffer> {
    if (size > this.limits.extendedHeader) {
      throw tarTooLarge(
        `an extended header of ${size} bytes, the limit is ${this.limits.extendedHeader}`,
      );
    }
    const data = await this.source.take(padded(size));
    if (data === undefined && size > 0)
      throw tarInvalid("it ends in the middle of an extended header");
    return Buffer.from((data ?? zeros).subarray(0, size));
  }

  private async member(header: HeaderBlock, block: Buffer, pending: Pending): Promise<TarEntry> {
    const pax = pending.pax ?? emptyPax;
    let kind = kindOfType.get(header.type);
    if (kind === undefined) throw tarInvalid(`a member of type ${header.type} that is not known`);
    const rawName = nameOf(header.name, pending.longName, pax, "path");
    if (header.type === 0 && rawName.at(-1) === 0x2f) kind = "directory";
    const stored = this.storedSize(kind, header.size, pax);
    const map = await this.sparseMap(kind, header, block, pax, stored);
    const size = map?.size ?? stored;
    this.count(size);
    const content = new Content(
      this.source,
      stored - (map?.mapBytes ?? 0),
      padded(stored) - stored,
      map,
    );
    this.current = content;
    const time = pax.values.get("mtime");
    const modified =
      time === undefined ? { seconds: header.modified, nanoseconds: 0 } : paxTime(time);
    const linked = kind === "symlink" || kind === "hardlink";
    const linkName = linked
      ? nameOf(header.linkName, pending.longLink, pax, "linkpath")
      : emptyName;
    return {
      kind,
      name: checkName(kind === "file" ? rawName : withoutTrailingSlashes(rawName), "name"),
      linkName: linked ? checkName(linkName, "link name") : emptyName,
      mode: header.mode,
      uid: paxNumber(pax, "uid") ?? header.uid,
      gid: paxNumber(pax, "gid") ?? header.gid,
      userName: pax.values.get("uname")?.toString("utf8") ?? header.userName,
      groupName: pax.values.get("gname")?.toString("utf8") ?? header.groupName,
      size,
      modifiedSeconds: modified.seconds,
      modifiedNanoseconds: modified.nanoseconds,
      deviceMajor: header.deviceMajor,
      deviceMinor: header.deviceMinor,
      attributes: pax.values.size === 0 ? noAttributes : attributesOf(pax),
      sparse: map?.regions ?? null,
      pieces: () => content.pieces(),
      content: () => content.whole(),
    };
  }

  /** Bytes of the member in the archive. A hardlink has none whatever its header says; other kinds must say 0. */
  private storedSize(kind: TarKind, headerSize: number, pax: PaxRecords): number {
    const size = paxNumber(pax, "size") ?? headerSize;
    if (kind === "hardlink") return 0;
    if (kind !== "file" && size !== 0) throw tarInvalid(`a ${kind} that claims to have content`);
    return size;
  }

  private async sparseMap(
    kind: TarKind,
    header: HeaderBlock,
    block: Buffer,
    pax: PaxRecords,
    stored: number,
  ): Promise<SparseMap | undefined> {
    if (kind !== "file") return undefined;
    const limit = this.limits.sparseRegions;
    const map =
      header.type === typeSparse
        ? await oldGnuSparse(Buffer.from(block), this.source, limit)
        : await paxSparse(pax, this.source, stored, limit);
    if (map === undefined) return undefined;
    const told = map.regions.reduce((sum, region) => sum + region.size, map.mapBytes);
    if (told !== stored) throw tarInvalid("a sparse map does not fit its member");
    return map;
  }

  private count(size: number): void {
    this.entries += 1;
    this.totalSize += size;
    if (this.entries > this.limits.entries)
      throw tarTooLarge(`over ${this.limits.entries} members`);
    if (this.totalSize > this.limits.totalSize)
      throw tarTooLarge(`over ${this.limits.totalSize} bytes of files`);
  }
}

/** The stored bytes of one member; read once, or skipped. */
class Content {
  private readonly source: ByteSource;
  private left: number;
  private padding: number;
  private readonly map: SparseMap | undefined;

  constructor(source: ByteSource, stored: number, padding: number, map: SparseMap | undefined) {
    this.source = source;
    this.left = stored;
    this.padding = padding;
    this.map = map;
  }

  async *pieces(): AsyncGenerator<TarPiece, void, void> {
    const regions: readonly SparseRegion[] = this.map?.regions ?? [{ offset: 0, size: this.left }];
    for (const region of regions) {
      let done = 0;
      while (done < region.size) {
        const data = await this.source.some(Math.min(region.size - done, this.left));
        if (data === undefined) throw tarInvalid("it ends in the middle of a file");
        this.left -= data.length;
        yield { offset: region.offset + done, data };
        done += data.length;
      }
    }
  }

  async *whole(): AsyncGenerator<Buffer, void, void> {
    let position = 0;
    for await (const piece of this.pieces()) {
      yield* holes(piece.offset - position);
      yield piece.data;
      position = piece.offset + piece.data.length;
    }
    if (this.map !== undefined) yield* holes(this.map.size - position);
  }

  async finish(): Promise<void> {
    const skip = this.left + this.padding;
    this.left = 0;
    this.padding = 0;
    if (skip > 0) await this.source.skip(skip);
  }
}

function* holes(size: number): Generator<Buffer, void, void> {
  for (let left = size; left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
}

const emptyName = Buffer.alloc(0);
const noAttributes: readonly TarAttribute[] = [];

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

function untilNul(data: Buffer): Buffer {
  const end = data.indexOf(0);
  if (end < 0) return data;
  if (data.subarray(end).some((byte) => byte !== 0)) throw tarInvalid("a long name holds a NUL");
  return data.subarray(0, end);
}

/** The one name that all parsers agree on: a long name and a PAX record that differ are refused. */
function nameOf(
  short: Buffer,
  long: Buffer | null,
  pax: PaxRecords,
  key: "path" | "linkpath",
): Buffer {
  const sparseName = key === "path" ? pax.values.get("GNU.sparse.name") : undefined;
  const record = sparseName ?? pax.values.get(key);
  if (record !== undefined && long !== null && !record.equals(long)) {
    throw tarInvalid("a member with two different names");
  }
  return record ?? long ?? short;
}

function withoutTrailingSlashes(name: Buffer): Buffer {
  let end = name.length;
  while (end > 1 && name[end - 1] === 0x2f) end -= 1;
  return name.subarray(0, end);
}

function checkName(name: Buffer, what: string): Buffer {
  if (name.length === 0) throw tarInvalid(`a member with an empty ${what}`);
  if (name.includes(0)) throw tarInvalid(`a ${what} holds a NUL`);
  return name;
}

function paxNumber(pax: PaxRecords, key: string): number | undefined {
  const value = pax.values.get(key);
  return value === undefined ? undefined : paxInteger(value, key);
}

function attributesOf(pax: PaxRecords): readonly TarAttribute[] {
  const attributes: TarAttribute[] = [];
  for (const [key, value] of pax.values) {
    if (!key.startsWith(attributePrefix)) continue;
    const name = Buffer.from(key.slice(attributePrefix.length), "latin1");
    attributes.push({ name: checkName(name, "attribute's name"), value });
  }
  return attributes;
}

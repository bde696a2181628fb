import { gzipSync, zstdCompressSync } from "node:zlib";
import { run } from "../../../src/kit/subprocess.ts";
import { paxRecord } from "../../../src/kit/tar/pax.ts";
import { tarPadding } from "../../../src/kit/tar/writer.ts";
import { rawExtended, withChecksum } from "../../kit/tar/samples.ts";
import type { Layer, Member } from "./member.ts";

const types: Readonly<Record<Member["kind"], string>> = {
  file: "0",
  folder: "5",
  symlink: "2",
  hardlink: "1",
  fifo: "6",
  character: "3",
  block: "4",
  whiteout: "0",
  opaque: "0",
  global: "g",
  "gnu-sparse": "S",
  "pax-sparse": "0",
};

/** The layer's tar, byte for byte what its members say; nothing is checked or tidied. */
export function tarOf({ members, end }: Layer): Buffer {
  const zeros = { two: 1_024, many: 10_240, one: 512, none: 0 }[end];
  return Buffer.concat([...members.map(packMember), Buffer.alloc(zeros)]);
}

export async function compressed(tar: Buffer, how: Layer["compression"]): Promise<Buffer> {
  return await compressors[how](tar);
}

const halves = (tar: Buffer): Buffer[] => [
  tar.subarray(0, Math.floor(tar.length / 2)),
  tar.subarray(Math.floor(tar.length / 2)),
];
const skippedFrame = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

async function byProgram(program: string, tar: Buffer): Promise<Buffer> {
  const { stdout } = await run(program, ["-c"], {
    input: tar,
    signal: AbortSignal.timeout(60_000),
  });
  return stdout;
}

const compressors: Readonly<
  Record<Layer["compression"], (tar: Buffer) => Buffer | Promise<Buffer>>
> = {
  none: (tar) => tar,
  gzip: (tar) => gzipSync(tar),
  "gzip-members": (tar) => Buffer.concat(halves(tar).map((part) => gzipSync(part))),
  zstd: (tar) => zstdCompressSync(tar),
  "zstd-frames": (tar) =>
    Buffer.concat(halves(tar).flatMap((part) => [zstdCompressSync(part), skippedFrame])),
  xz: (tar) => byProgram("xz", tar),
  bzip2: (tar) => byProgram("bzip2", tar),
};

function packMember(member: Member): Buffer {
  if (member.kind === "global") return rawExtended("g", globalRecords(member));
  const name = nameOf(member);
  const link = Buffer.from(member.link, "latin1");
  const content = contentOf(member);
  const sparse = member.kind === "gnu-sparse" || member.kind === "pax-sparse";
  const { records, stored, map } = sparse ? sparsely(member, content) : plainly(content);
  const block = Buffer.alloc(512);
  const isPax = member.format === "pax";
  const before: Buffer[] = [];
  if (isPax) records.push(...paxRecords(member, name, link));
  if (records.length > 0) before.push(rawExtended("x", Buffer.concat(records)));
  if (member.format === "gnu") {
    if (name.length > 100) before.push(rawExtended("L", Buffer.concat([name, Buffer.alloc(1)])));
    if (link.length > 100) before.push(rawExtended("K", Buffer.concat([link, Buffer.alloc(1)])));
  }
  fill(block, member, name, link, stored.length);
  if (map !== undefined) map.copy(block, 386);
  return Buffer.concat([...before, withChecksum(block), stored, tarPadding(stored.length)]);
}

function nameOf({ kind, lead, path, trail }: Member): Buffer {
  const at = path.lastIndexOf("/") + 1;
  const marked =
    kind === "whiteout"
      ? `${path.slice(0, at)}.wh.${path.slice(at)}`
      : kind === "opaque"
        ? `${path}/.wh..wh..opq`
        : path;
  return Buffer.from(lead + marked + (kind === "folder" ? "/" : trail), "latin1");
}

function contentOf({ kind, size, path, uid }: Member): Buffer {
  if (kind === "gnu-sparse" || kind === "pax-sparse") {
    const whole = Buffer.alloc(size + 5_000);
    whole.fill("data", 1_024, Math.min(1_024 + 600, whole.length));
    return whole;
  }
  return Buffer.alloc(size, `${path}${uid}.`, "latin1");
}

interface Stored {
  readonly records: Buffer[];
  readonly stored: Buffer;
  /** Old GNU maps stand in the header. */
  readonly map?: Buffer;
}

function plainly(content: Buffer): Stored {
  return { records: [], stored: content };
}

/** The one stretch of data, and a map that says where it is. */
function sparsely(member: Member, content: Buffer): Stored {
  const regions: readonly (readonly [number, number])[] = [
    [1_024, 600],
    [content.length, 0],
  ];
  const data = content.subarray(1_024, 1_624);
  if (member.kind === "gnu-sparse") {
    const map = Buffer.alloc(109);
    regions.forEach(([offset, size], index) => {
      map.write(octal(offset, 12), index * 24, "latin1");
      map.write(octal(size, 12), index * 24 + 12, "latin1");
    });
    map.write(octal(content.length, 12), 97, "latin1");
    return { records: [], stored: data, map };
  }
  const numbers = [regions.length, ...regions.flat()];
  const text = Buffer.from(`${numbers.join("\n")}\n`);
  const stored = Buffer.concat([text, tarPadding(text.length), data]);
  const records = [
    paxRecord("GNU.sparse.major", "1"),
    paxRecord("GNU.sparse.minor", "0"),
    paxRecord("GNU.sparse.name", nameOf(member)),
    paxRecord("GNU.sparse.realsize", String(content.length)),
  ];
  return { records, stored };
}

function paxRecords(member: Member, name: Buffer, link: Buffer): Buffer[] {
  const { kind, uid, gid, seconds, nanoseconds, attributes } = member;
  const records: Buffer[] = [];
  if (name.length > 100 && kind !== "pax-sparse") records.push(paxRecord("path", name));
  if (link.length > 100) records.push(paxRecord("linkpath", link));
  if (uid > 0o7777777) records.push(paxRecord("uid", String(uid)));
  if (gid > 0o7777777) records.push(paxRecord("gid", String(gid)));
  if (nanoseconds !== 0 || seconds < 0 || seconds > 0o77777777777)
    records.push(paxRecord("mtime", timeText(seconds, nanoseconds)));
  for (const [key, value] of attributes)
    records.push(paxRecord(`SCHILY.xattr.${key}`, Buffer.from(value, "latin1")));
  return records;
}

function globalRecords({ uid, seconds }: Member): Buffer {
  return Buffer.concat([
    paxRecord("comment", "made by nobody"),
    ...(uid === 0 ? [] : [paxRecord("uid", String(uid)), paxRecord("mtime", String(seconds))]),
  ]);
}

function timeText(seconds: number, nanoseconds: number): string {
  if (nanoseconds === 0) return String(seconds);
  const fraction = (value: number): string => String(value).padStart(9, "0");
  return seconds >= 0
    ? `${seconds}.${fraction(nanoseconds)}`
    : `-${-seconds - 1}.${fraction(1_000_000_000 - nanoseconds)}`;
}

function fill(block: Buffer, member: Member, name: Buffer, link: Buffer, size: number): void {
  const isGnu = member.format === "gnu";
  name.copy(block, 0, 0, 100);
  link.copy(block, 157, 0, 100);
  block.write(types[member.kind], 156, "latin1");
  block.write(octal(member.mode, 8), 100, "latin1");
  number(block, 108, 8, member.uid, isGnu);
  number(block, 116, 8, member.gid, isGnu);
  number(block, 124, 12, size, isGnu);
  number(block, 136, 12, member.seconds, isGnu);
  block.write(isGnu ? "ustar  \0" : "ustar\u000000", 257, "latin1");
  const [major, minor] = member.device;
  const isDevice = member.kind === "character" || member.kind === "block";
  number(block, 329, 8, isDevice ? major : 0, isGnu);
  number(block, 337, 8, isDevice ? minor : 0, isGnu);
}

/** In octal, else in base 256 where the format has it, else nothing: another header says it. */
function number(block: Buffer, at: number, width: number, value: number, isGnu: boolean): void {
  if (value >= 0 && value < 8 ** (width - 1)) {
    block.write(octal(value, width), at, "latin1");
  } else if (isGnu) {
    const wide = BigInt.asUintN(width * 8 - 1, BigInt(value)) | (1n << BigInt(width * 8 - 1));
    Buffer.from(wide.toString(16).padStart(width * 2, "0"), "hex").copy(block, at);
  } else block.write(octal(0, width), at, "latin1");
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, "0")}\0`;
}

import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { confinedUser } from "../../kit/confined.ts";
import { writeTar, type TarMember } from "../../kit/tar/writer.ts";
import { sectorSize } from "./gpt.ts";
import { grainBytes, grainsOf, type Grain } from "./grains.ts";
import { ovfDescriptor } from "./ovf.ts";
import { streamVmdk } from "./stream-vmdk.ts";
import { vmdkDescriptor, type VmdkIdentity } from "./vmdk-descriptor.ts";

/**
 * Writes a raw disk as an appliance in one file, `path`, which must not exist: a tar of descriptor, manifest and
 * disk, in that order (DSP0243, 5.3), so that it can be read as a stream.
 */
export async function writeOva(
  path: string,
  disk: { readonly path: string; readonly size: number },
  facts: { readonly name: string; readonly epoch: number | null; readonly identity: VmdkIdentity },
  signal: AbortSignal,
): Promise<void> {
  const { name } = facts;
  const diskName = `${name}-disk1.vmdk`;
  const packed = `${path}.vmdk`;
  const written = await writeVmdk(packed, diskName, disk, facts.identity, signal);
  const descriptor = Buffer.from(
    ovfDescriptor({
      name,
      capacity: disk.size,
      disk: diskName,
      diskSize: written.size,
      populated: written.populated,
    }),
  );
  const sums = [
    `SHA256(${name}.ovf)= ${createHash("sha256").update(descriptor).digest("hex")}`,
    `SHA256(${diskName})= ${written.sum}`,
  ];
  const manifest = Buffer.from(`${sums.join("\n")}\n`);
  const seconds = facts.epoch ?? Math.floor(Date.now() / 1_000);
  // Not a stream of its own name: one that nobody comes to read would stay open, and with it the disk's space.
  await using source = await open(packed, "r");
  const content = source.createReadStream({ highWaterMark: 1 << 20, autoClose: false });
  const members: TarMember[] = [
    member(`${name}.ovf`, descriptor.length, seconds, descriptor),
    member(`${name}.mf`, manifest.length, seconds, manifest),
    member(diskName, written.size, seconds, content),
  ];
  const target = createWriteStream(path, { mode: 0o600, flags: "wx" });
  await pipeline(Readable.from(writeTar(members, "base-256")), target, { signal });
  await rm(packed);
}

interface WrittenDisk {
  /** Bytes of the file. */
  readonly size: number;
  /** Bytes of the disk that are no zeros, by whole grains. */
  readonly populated: number;
  /** SHA-256 in hexadecimal. */
  readonly sum: string;
}

async function writeVmdk(
  path: string,
  name: string,
  disk: { readonly path: string; readonly size: number },
  identity: VmdkIdentity,
  signal: AbortSignal,
): Promise<WrittenDisk> {
  const hash = createHash("sha256");
  let size = 0;
  let populated = 0;
  await using source = await open(disk.path, "r");
  await source.chown(confinedUser, confinedUser);
  const grains = async function* (): AsyncGenerator<Grain, void, void> {
    for await (const grain of grainsOf(source, disk.size, signal)) {
      populated += grainBytes;
      yield grain;
    }
  };
  const sectors = disk.size / sectorSize;
  const kind = "streamOptimized";
  const descriptor = vmdkDescriptor({ kind, sectors, file: name, identity });
  const parts = async function* (): AsyncGenerator<Buffer, void, void> {
    for await (const part of streamVmdk({ sectors, descriptor }, grains(), signal)) {
      hash.update(part);
      size += part.length;
      yield part;
    }
  };
  const target = createWriteStream(path, { mode: 0o600, flags: "wx" });
  await pipeline(Readable.from(parts()), target, { signal });
  return { size, populated: Math.min(populated, disk.size), sum: hash.digest("hex") };
}

function member(
  name: string,
  size: number,
  modifiedSeconds: number,
  content: NonNullable<TarMember["content"]>,
): TarMember {
  return {
    header: { kind: "file", name: Buffer.from(name), mode: 0o644, size, modifiedSeconds },
    content,
  };
}

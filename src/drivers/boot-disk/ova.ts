import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { writeTar, type TarMember } from "../../kit/tar/writer.ts";
import { ovfDescriptor } from "./ovf.ts";

/**
 * An appliance in one file: a tar of descriptor, manifest and disk, in that order (DSP0243, 5.3), so that it
 * can be read as a stream. `disk` is a stream-optimized VMDK.
 */
export async function writeOva(
  path: string,
  disk: string,
  facts: { readonly name: string; readonly capacity: number; readonly epoch: number | null },
  signal: AbortSignal,
): Promise<void> {
  const { name, capacity } = facts;
  const diskSize = (await stat(disk)).size;
  const diskName = `${name}-disk1.vmdk`;
  const descriptor = Buffer.from(ovfDescriptor({ name, capacity, disk: diskName, diskSize }));
  const sums = [
    `SHA256(${name}.ovf)= ${createHash("sha256").update(descriptor).digest("hex")}`,
    `SHA256(${diskName})= ${await fileSum(disk, signal)}`,
  ];
  const manifest = Buffer.from(`${sums.join("\n")}\n`);
  const seconds = facts.epoch ?? Math.floor(Date.now() / 1_000);
  const members: TarMember[] = [
    member(`${name}.ovf`, descriptor.length, seconds, descriptor),
    member(`${name}.mf`, manifest.length, seconds, manifest),
    member(diskName, diskSize, seconds, createReadStream(disk, { highWaterMark: 1 << 20 })),
  ];
  await pipeline(Readable.from(writeTar(members)), createWriteStream(path, { mode: 0o600 }), {
    signal,
  });
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

async function fileSum(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash, { signal });
  return hash.digest("hex");
}

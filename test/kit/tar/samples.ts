import { readTar } from "../../../src/kit/tar/reader.ts";
import type { TarEntry, TarLimits } from "../../../src/kit/tar/entry.ts";
import { tarEnd, tarHeader, tarPadding, type TarHeaderInput } from "../../../src/kit/tar/writer.ts";

export interface SeenEntry {
  readonly entry: TarEntry;
  readonly content: Buffer;
}

/** Everything of an archive, fed in chunks of `step` bytes. */
export async function readAll(
  archive: Buffer,
  step = 1 << 20,
  limits: Partial<TarLimits> = {},
): Promise<SeenEntry[]> {
  const seen: SeenEntry[] = [];
  for await (const entry of readTar(inChunks(archive, step), limits)) {
    const parts: Buffer[] = [];
    for await (const part of entry.content()) parts.push(part);
    seen.push({ entry, content: Buffer.concat(parts) });
  }
  return seen;
}

export async function* inChunks(bytes: Buffer, step: number): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step);
}

export type Sample = Omit<TarHeaderInput, "name" | "mode" | "linkName"> & {
  readonly name: string | Buffer;
  readonly mode?: number;
  readonly linkName?: string | Buffer;
  readonly data?: string | Buffer;
};

/** An archive of members said briefly, in order; nothing is checked or tidied. */
export function archiveOf(samples: readonly Sample[]): Buffer {
  const parts: Buffer[] = [];
  for (const { data = "", name, linkName, mode, ...rest } of samples) {
    const content = Buffer.from(data);
    parts.push(
      tarHeader({
        mode: mode ?? (rest.kind === "directory" ? 0o755 : 0o644),
        size: content.length,
        ...rest,
        name: Buffer.from(name),
        ...(linkName === undefined ? {} : { linkName: Buffer.from(linkName) }),
      }),
      content,
      tarPadding(content.length),
    );
  }
  return Buffer.concat([...parts, tarEnd]);
}

/** A PAX header with these raw records, to stand before a member. */
export function rawExtended(type: "x" | "g" | "L" | "K", data: Buffer | string): Buffer {
  const bytes = Buffer.from(data);
  const block = Buffer.from(
    tarHeader({ kind: "file", name: Buffer.from("ext"), mode: 0o644, size: bytes.length }),
  );
  block.write(type, 156, "latin1");
  return Buffer.concat([withChecksum(block), bytes, tarPadding(bytes.length)]);
}

export function withChecksum(block: Buffer): Buffer {
  block.write("        ", 148, "latin1");
  let sum = 0;
  for (const byte of block.subarray(0, 512)) sum += byte;
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

import { randomBytes } from "node:crypto";
import { createReadStream, createWriteStream, type PathLike } from "node:fs";
import { open, unlink, type FileHandle } from "node:fs/promises";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32, createDeflateRaw, createGunzip } from "node:zlib";
import { DuetError } from "../../kit/errors.ts";

/* A rotated file of a log, compressed: gzip (RFC 1952) under the name that it had. */

const magic = Buffer.from([0x1f, 0x8b, 8]);
const unknownSystem = 0xff;
/** No shim rotates that late; what is larger was not written by one. */
const largestLog = 8 * 2 ** 30;

/** Writes what `source` has, compressed, to the new file `target`. */
export async function compressFile(
  source: FileHandle,
  target: PathLike,
  signal: AbortSignal,
): Promise<void> {
  let checksum = 0;
  let size = 0;
  const measured = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      checksum = crc32(chunk, checksum);
      size += chunk.length;
      done(null, chunk);
    },
  });
  const header = Buffer.from([...magic, 0, 0, 0, 0, 0, 0, unknownSystem]);
  const file = createWriteStream(target, { flags: "wx", mode: 0o640 });
  file.write(header);
  const input = createReadStream("", { fd: source.fd, autoClose: false, start: 0 });
  await pipeline(input, measured, createDeflateRaw(), file, { signal, end: false });
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum >>> 0, 0);
  trailer.writeUInt32LE(size >>> 0, 4);
  await new Promise<void>((resolve, reject) => {
    file.once("error", reject).end(trailer, () => resolve());
  });
}

/** A log itself begins with a brace. */
export async function isCompressed(file: FileHandle): Promise<boolean> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(magic.length), 0, magic.length, 0);
  return bytesRead === magic.length && buffer.equals(magic);
}

/** The content of a compressed file, in one beside it that has no name any more. */
export async function expand(file: FileHandle, path: string): Promise<FileHandle> {
  const place = `${path}.${randomBytes(6).toString("hex")}.reading`;
  const plain = await open(place, "wx+", 0o600);
  try {
    await unlink(place);
    const input = createReadStream("", { fd: file.fd, autoClose: false, start: 0 });
    await pipeline(input, createGunzip(), async (chunks: AsyncIterable<Buffer>) => {
      let size = 0;
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > largestLog)
          throw new DuetError("too-large", "LOG_TOO_LARGE", `${path} is no log`);
        await plain.appendFile(chunk);
      }
    });
    return plain;
  } catch (error) {
    await plain.close();
    throw error;
  }
}

import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Sparse } from "../../kit/grpc/encode.ts";
import { streaming, twoWay, unary, type Call, type Served } from "../../kit/grpc/server.ts";
import { codes, StatusError } from "../../kit/grpc/status.ts";
import { errnoOf } from "../../kit/errors.ts";
import { content, writeActions } from "../../spec/buildkit/content.ts";
import type { ValueOfMessage } from "../../spec/protobuf.ts";

/** A folder of this host with an OCI layout, whose blobs a build may read and, where it is writable, add to. */
export interface LayoutFolder {
  readonly path: string;
  readonly writable: boolean;
}

type WriteRequest = ValueOfMessage<(typeof content.write)["request"]>;
type WriteAnswer = Sparse<ValueOfMessage<(typeof content.write)["response"]>>;

const storeHeader = "buildkit-attachable-store-id";
const messageSize = 512 << 10;
const alreadyExists = 6;

/** containerd's content service over folders, by the names that the build knows them by. */
export function contentMethods(folders: ReadonlyMap<string, LayoutFolder>): readonly Served[] {
  const folderOf = (call: Call): LayoutFolder => {
    const name = call.header(storeHeader);
    const folder = folders.get(name);
    if (folder !== undefined) return folder;
    throw new StatusError(codes.notFound, `no content store ${name}`);
  };
  return [
    unary(content.info, async ({ digest }, call) => {
      const size = await sizeOf(blobPath(folderOf(call), digest));
      if (size !== undefined) return { info: { digest, size } };
      throw new StatusError(codes.notFound, `content ${digest}: not found`);
    }),
    streaming(content.read, async function* ({ digest, offset, size }, call) {
      const path = blobPath(folderOf(call), digest);
      const end = size > 0 ? { end: offset + size - 1 } : {};
      const file = createReadStream(path, { start: offset, ...end, highWaterMark: messageSize });
      let at = offset;
      for await (const data of file as AsyncIterable<Buffer>) {
        yield { offset: at, data };
        at += data.length;
      }
    }),
    twoWay(content.write, (requests, call) => receiveBlob(folderOf(call), requests)),
  ];
}

/** Throws a StatusError for what is no digest: it would name another file. */
function blobPath({ path }: LayoutFolder, digest: string): string {
  const hex = /^sha256:([\da-f]{64})$/.exec(digest)?.[1];
  if (hex !== undefined) return join(path, "blobs", "sha256", hex);
  throw new StatusError(codes.notFound, "not a digest");
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

/** One blob, which gets its name once it is whole and has the digest that was told. */
async function* receiveBlob(
  folder: LayoutFolder,
  requests: AsyncIterable<WriteRequest>,
): AsyncGenerator<WriteAnswer> {
  if (!folder.writable) throw new StatusError(codes.unknown, "this content store is only read");
  const ingest = join(folder.path, "ingest");
  await mkdir(ingest, { recursive: true });
  const temporary = join(ingest, randomBytes(16).toString("hex"));
  const hash = createHash("sha256");
  let offset = 0;
  try {
    await using file = await open(temporary, "wx", 0o644);
    for await (const { action, expected, total, data, ...request } of requests) {
      if (data.length > 0) {
        if (request.offset !== offset) throw new StatusError(codes.unknown, "data is missing");
        hash.update(data);
        await file.writeFile(data);
        offset += data.length;
      }
      if (action !== writeActions.commit) {
        yield { action, offset, total };
        continue;
      }
      const digest = `sha256:${hash.digest("hex")}`;
      if (digest !== expected) throw new StatusError(codes.unknown, `it is no ${expected}`);
      const path = blobPath(folder, digest);
      if ((await sizeOf(path)) !== undefined)
        throw new StatusError(alreadyExists, `content ${digest}: already exists`);
      await file.sync();
      await mkdir(join(path, ".."), { recursive: true });
      await rename(temporary, path);
      yield { action, offset, total: offset, digest };
      return;
    }
  } finally {
    await rm(temporary, { force: true });
  }
}

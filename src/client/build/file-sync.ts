import { open } from "node:fs/promises";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { goMode } from "../../kit/go-file-mode.ts";
import type { Sparse } from "../../kit/grpc/encode.ts";
import type { Call } from "../../kit/grpc/server.ts";
import { codes, StatusError } from "../../kit/grpc/status.ts";
import { packetTypes, type Packet, type Stat } from "../../spec/buildkit/file-sync.ts";
import { walkFolder, type LocalEntry } from "./local-folder.ts";

/** A folder of this host that a build may read; or one file that stands for a folder of it. */
export type SharedFolder =
  | { readonly kind: "folder"; readonly path: string }
  | { readonly kind: "file"; readonly name: string; readonly content: Buffer };

/** Bytes of one packet, as fsutil has it. */
const packetSize = 32 << 10;

/** Something that was told of, in the order in which the other side counts. */
type Told = { readonly entry: LocalEntry } | { readonly content: Buffer };

/**
 * Answers FileSync/DiffCopy (fsutil's protocol): tells of all that the folder holds, then sends the contents that are asked
 * for. Owners are root's, as Docker's clients send them.
 */
export async function* sendFolder(
  folders: ReadonlyMap<string, SharedFolder>,
  requests: AsyncIterable<Packet>,
  call: Call,
): AsyncGenerator<Sparse<Packet>, void, undefined> {
  const name = valuesOf(call, "dir-name")[0] ?? "";
  const folder = folders.get(name);
  if (folder === undefined) {
    throw new StatusError(codes.notFound, `no access allowed to dir ${JSON.stringify(name)}`);
  }
  const told: Told[] = [];
  for await (const packet of statsOf(folder, call, told)) yield packet;
  yield { type: packetTypes.stat };
  for await (const { type, id } of requests) {
    if (type === packetTypes.end) {
      yield { type: packetTypes.end };
      return;
    }
    const one = told[id];
    if (type !== packetTypes.request || one === undefined) {
      throw new DuetError(
        "corrupt",
        "PROTOCOL",
        "the daemon asked for a file that was not told of",
      );
    }
    yield* contentOf(id, one);
  }
}

async function* statsOf(
  folder: SharedFolder,
  call: Call,
  told: Told[],
): AsyncGenerator<Sparse<Packet>, void, undefined> {
  if (folder.kind === "file") {
    const { name, content } = folder;
    told.push({ content });
    const stat = { path: Buffer.from(name), mode: 0o644, size: content.length };
    yield { type: packetTypes.stat, stat };
    return;
  }
  const selection = {
    exclude: valuesOf(call, "exclude-patterns"),
    follow: valuesOf(call, "followpaths"),
  };
  for await (const entry of walkFolder(folder.path, selection)) {
    told.push({ entry });
    yield { type: packetTypes.stat, stat: statOf(entry) };
  }
}

/** Values that are not plain ASCII come percent-encoded, which a header of its own tells. */
function valuesOf(call: Call, name: string): readonly string[] {
  const values = call.headers(name);
  return call.header(`${name}-encoded`) === "1" ? values.map(decodeURIComponent) : values;
}

function statOf({ path, stats, link }: LocalEntry): Sparse<Stat> {
  return {
    path,
    mode: goMode(Number(stats.mode)),
    size: stats.isFile() ? Number(stats.size) : 0,
    modifiedAt: stats.mtimeNs,
    link,
  };
}

async function* contentOf(id: number, one: Told): AsyncGenerator<Sparse<Packet>, void, undefined> {
  if ("content" in one) yield* packets(id, one.content);
  else {
    const file = await openFile(one.entry);
    try {
      for (;;) {
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(packetSize));
        if (bytesRead === 0) break;
        yield { type: packetTypes.data, id, data: buffer.subarray(0, bytesRead) };
      }
    } finally {
      await file.close();
    }
  }
  yield { type: packetTypes.data, id };
}

function* packets(id: number, content: Buffer): Generator<Sparse<Packet>, void, undefined> {
  for (let at = 0; at < content.length; at += packetSize) {
    yield { type: packetTypes.data, id, data: content.subarray(at, at + packetSize) };
  }
}

async function openFile({ place }: LocalEntry): ReturnType<typeof open> {
  try {
    return await open(place, "r");
  } catch (error) {
    throw new DuetError(
      errnoOf(error) === "EACCES" ? "denied" : "unavailable",
      "FILE_UNREADABLE",
      `cannot read ${JSON.stringify(place.toString("utf8"))} of the build context`,
      { cause: error, hint: "leave it out by .dockerignore, or make it readable" },
    );
  }
}

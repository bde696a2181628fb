import { constants } from "node:fs";
import type { ContextEntry } from "../../../domain/build/files.ts";
import type { Digest } from "../../../domain/digest.ts";
import { DuetError } from "../../../kit/errors.ts";
import { decode } from "../../../kit/grpc/decode.ts";
import { fileSync, packet, packetTypes, type Packet } from "../../../spec/buildkit/file-sync.ts";
import type { Metadata, OpenCall } from "../../../kit/grpc/client.ts";
import { codes, StatusError } from "../../../kit/grpc/status.ts";
import type { Session } from "./session.ts";
import { FolderList } from "./folder-list.ts";

/** What of a client's folder is wanted. */
export interface FolderRequest {
  /** `context`, `dockerfile`, or the name of a further context. */
  readonly name: string;
  /** Patterns as in .dockerignore. */
  readonly exclude: readonly string[];
  /** Paths that are wanted, with what their links lead to; [] for all. */
  readonly follow: readonly string[];
}

/** Takes a folder that is received. */
export interface FolderSink {
  /** Whether all is there already that a list of this digest tells of: then it is neither read nor is anything asked. */
  isKnown?(list: Digest): boolean;
  /** Says, once all entries are known, of which files the content is needed, in their order. */
  begin(entries: readonly ContextEntry[]): Promise<readonly ContextEntry[]>;
  /** One after the other, in the order that `begin` gave. */
  file(entry: ContextEntry, content: AsyncIterable<Buffer>): Promise<void>;
  /** After the last file. */
  end(): Promise<void>;
}

type Call = OpenCall<Packet, Packet>;

/** Files whose content comes together are held in memory; a larger one comes alone. */
const batchBytes = 4 << 20;
const batchFiles = 256;

interface Wanted {
  readonly id: number;
  readonly entry: ContextEntry;
}

/**
 * Receives a folder by fsutil's protocol: the client tells of all its files, we ask for contents by number, and it
 * sends them. `onBytes` hears how much came. Gives the digest of what the client told of its files. Throws `not-found` CONTEXT_NOT_FOUND, `invalid` CONTEXT_INVALID.
 */
export async function receiveFolder(
  session: Session,
  request: FolderRequest,
  sink: FolderSink,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<Digest> {
  const call = session.client.open(fileSync, metadataOf(request), signal);
  try {
    const packets = new Packets(call, onBytes);
    const list = await packets.list();
    const digest = list.digest();
    if (sink.isKnown?.(digest) !== true) {
      const entries = await list.entries(signal);
      const ids = new Map(entries.flatMap((entry, id) => (entry === null ? [] : [[entry, id]])));
      const needed = await sink.begin(entries.filter((entry) => entry !== null));
      const wanted = needed.map((entry) => ({ id: ids.get(entry)!, entry }));
      await receiveContents(call, packets, batches(wanted), sink);
      await sink.end();
    }
    await call.send({ type: packetTypes.end });
    await packets.finish();
    call.end();
    return digest;
  } catch (error) {
    if (error instanceof StatusError && error.status.code === codes.notFound) {
      throw new DuetError("not-found", "CONTEXT_NOT_FOUND", error.message, { cause: error });
    }
    if (error instanceof StatusError && error.status.code === codes.unimplemented) {
      throw new DuetError("not-found", "CONTEXT_NOT_FOUND", "no local sources enabled", {
        cause: error,
        hint: "the client gave no folder, and nothing on its standard input",
      });
    }
    throw error;
  } finally {
    call.cancel();
  }
}

/** Keys of metadata whose values are not plain ASCII are written percent-encoded, and `…-encoded` says so. */
function metadataOf({ name, exclude, follow }: FolderRequest): Metadata {
  const lists: Record<string, readonly string[]> = {
    "dir-name": [name],
    "exclude-patterns": exclude,
    followpaths: follow,
  };
  const metadata: Record<string, readonly string[]> = {};
  for (const [key, values] of Object.entries(lists)) {
    if (values.length === 0) continue;
    const isPlain = values.every((value) => /^[\x20-\x7e]*$/.test(value));
    metadata[key] = isPlain ? values : values.map(encodeURIComponent);
    if (!isPlain) metadata[`${key}-encoded`] = ["1"];
  }
  return metadata;
}

function batches(wanted: readonly Wanted[]): (readonly Wanted[])[] {
  const all: Wanted[][] = [];
  let size = Infinity;
  for (const one of wanted) {
    const last = all.at(-1);
    if (last === undefined || size + one.entry.size > batchBytes || last.length >= batchFiles) {
      all.push([one]);
      size = one.entry.size;
    } else {
      last.push(one);
      size += one.entry.size;
    }
  }
  return all;
}

async function receiveContents(
  call: Call,
  packets: Packets,
  all: readonly (readonly Wanted[])[],
  sink: FolderSink,
): Promise<void> {
  const ask = async (batch: readonly Wanted[] | undefined): Promise<void> => {
    if (batch === undefined) return;
    await call.sendAll(batch.map(({ id }) => ({ type: packetTypes.request, id })));
  };
  await ask(all[0]);
  for (const [index, batch] of all.entries()) {
    const [first] = batch;
    if (batch.length === 1 && first!.entry.size > batchBytes) {
      // What comes next is asked for only then, since its content would come in between.
      await sink.file(first!.entry, packets.content(first!.id, first!.entry.size));
      await ask(all[index + 1]);
      continue;
    }
    const contents = await packets.contents(batch);
    await ask(all[index + 1]);
    for (const { id, entry } of batch) {
      const parts = contents.get(id)!;
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      // A file may have changed since the client looked; what came is what is built.
      await sink.file({ ...entry, size }, asStream(parts));
    }
  }
}

async function* asStream(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

/** The client's half of the exchange. */
class Packets {
  private readonly source: AsyncIterator<readonly Buffer[]>;
  private readonly onBytes: (bytes: number) => void;
  private together: readonly Buffer[] = [];
  private position = 0;

  constructor(call: Call, onBytes: (bytes: number) => void) {
    this.source = call.encoded[Symbol.asyncIterator]();
    this.onBytes = onBytes;
  }

  /** What the client tells of its files, unread. */
  async list(): Promise<FolderList> {
    const list = new FolderList();
    for (;;) {
      // No promise for each of thousands.
      const data = this.atOnce() ?? (await this.nextEncoded());
      if (!FolderList.isEntry(data)) {
        const { type, stat } = read(data);
        if (type !== packetTypes.stat) throw unexpected("before the end of its list");
        if (stat === undefined) return list;
      }
      list.add(data);
      this.onBytes(data.length);
    }
  }

  async contents(batch: readonly Wanted[]): Promise<ReadonlyMap<number, readonly Buffer[]>> {
    const parts = new Map<number, Buffer[]>(batch.map(({ id }) => [id, []]));
    const open = new Set(parts.keys());
    let size = 0;
    while (open.size > 0) {
      const { type, id, data } = await this.next();
      if (type !== packetTypes.data || !open.has(id)) throw unexpected("that nobody asked for");
      if (data.length === 0) open.delete(id);
      else parts.get(id)!.push(Buffer.from(data));
      size += data.length;
      // Files that grow while they are sent do so within reason.
      if (size > 4 * batchBytes) throw unexpected("that are larger than it said");
      this.onBytes(data.length);
    }
    return parts;
  }

  async *content(wanted: number, size: number): AsyncGenerator<Buffer> {
    let received = 0;
    for (;;) {
      const { type, id, data } = await this.next();
      if (type !== packetTypes.data || id !== wanted) throw unexpected("that nobody asked for");
      if (data.length === 0) break;
      received += data.length;
      this.onBytes(data.length);
      if (received > size) break;
      yield data;
    }
    if (received !== size) {
      throw new DuetError(
        "conflict",
        "CONTEXT_CHANGED",
        "a file of the build context changed while it was sent",
        {
          hint: "build again when nothing writes to the context, or leave the file out by .dockerignore",
        },
      );
    }
  }

  async finish(): Promise<void> {
    const { type } = await this.next();
    if (type !== packetTypes.end) throw unexpected("after its end");
  }

  private async next(): Promise<Packet> {
    return read(await this.nextEncoded());
  }

  private async nextEncoded(): Promise<Buffer> {
    for (;;) {
      const data = this.atOnce();
      if (data !== undefined) return data;
      const { done, value } = await this.source.next();
      if (done === true) throw unexpected("too few of");
      this.together = value;
      this.position = 0;
    }
  }

  /** Undefined where the next has to be waited for. */
  private atOnce(): Buffer | undefined {
    const data = this.together[this.position];
    this.position += 1;
    return data;
  }
}

function read(data: Buffer): Packet {
  const value = decode(packet, data);
  if (value.type !== packetTypes.error) return value;
  const text = value.data.toString("utf8", 0, 4096);
  throw new DuetError("invalid", "CONTEXT_FAILED", `error from sender: ${text}`);
}

function unexpected(where: string): DuetError {
  return new DuetError("invalid", "CONTEXT_INVALID", `the client sent files ${where}`);
}

export function isRegularFile(entry: ContextEntry): boolean {
  return (entry.mode & constants.S_IFMT) === constants.S_IFREG && entry.link.length === 0;
}

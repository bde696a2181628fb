import { DuetError } from "../../../kit/errors.ts";
import { readTar } from "../../../kit/tar/reader.ts";
import { fileSendTree, packetTypes, type Packet } from "../../../spec/buildkit/file-sync.ts";
import type { Platform } from "../../../domain/image.ts";
import { formatPlatform } from "../../../domain/platform.ts";
import { runPart, TransferStatus } from "../front-end/vertex.ts";
import type { OpenCall } from "../../../kit/grpc/client.ts";
import type { Export, ExportResponse } from "./export.ts";
import { exporterMetadata } from "./send.ts";
import { isSplit, platformFolder } from "./tar.ts";
import { keyOf, TreeList } from "./tree-list.ts";

type Call = OpenCall<Packet, Packet>;

/** Bytes of one packet of content, as fsutil sends them. */
const chunkSize = 32 << 10;

/**
 * `--output type=local`: tells the client of all files, and sends the contents that it asks for. They come from a
 * tar, which is read again as often as the client asks for something that has passed.
 */
export async function exportFolder(wanted: Export, signal: AbortSignal): Promise<ExportResponse> {
  const { job } = wanted;
  const identity = `${job.request.reference}\0${wanted.index}`;
  await runPart(job.progress.tell, "exporting to client directory", identity, async (progress) => {
    const transfer = new TransferStatus(progress, "copying files");
    const { stats, contents } = await listTree(wanted, signal);
    const call = wanted.session.client.open(fileSendTree, exporterMetadata(wanted), signal);
    try {
      const requests = new Requests(call, contents.values());
      const asked = requests.listen();
      asked.catch(() => undefined);
      for (const stat of stats) await call.send({ type: packetTypes.stat, stat });
      await call.send({ type: packetTypes.stat });
      while (await requests.pending()) {
        await sendContents(wanted, call, requests, contents, transfer, signal);
      }
      await call.send({ type: packetTypes.end });
      call.end();
      await asked;
      transfer.end();
    } finally {
      call.cancel();
    }
  });
  return new Map();
}

async function listTree(
  wanted: Export,
  signal: AbortSignal,
): Promise<ReturnType<TreeList["finish"]>> {
  const list = new TreeList();
  for (const result of wanted.results) {
    const folder = folderOf(wanted, result.platform);
    if (folder !== "") list.addFolder(folder);
    for await (const entry of readTar(result.tree(signal))) list.add(folder, entry);
  }
  return list.finish();
}

function folderOf(wanted: Export, platform: Platform): string {
  return isSplit(wanted) ? platformFolder(formatPlatform(platform)) : "";
}

async function sendContents(
  wanted: Export,
  call: Call,
  requests: Requests,
  contents: ReadonlyMap<string, number>,
  transfer: TransferStatus,
  signal: AbortSignal,
): Promise<void> {
  for (const result of wanted.results) {
    const folder = folderOf(wanted, result.platform);
    for await (const entry of readTar(result.tree(signal))) {
      if (entry.kind !== "file") continue;
      const id = contents.get(keyOf(folder, entry.name));
      if (id === undefined || !requests.take(id)) continue;
      for await (const part of entry.content()) {
        for (let start = 0; start < part.length; start += chunkSize) {
          const data = part.subarray(start, start + chunkSize);
          await call.send({ type: packetTypes.data, id, data });
          transfer.add(data.length);
        }
      }
      await call.send({ type: packetTypes.data, id });
    }
  }
}

/** What the client asks for, and that it wants no more. */
class Requests {
  private readonly call: Call;
  /** Files that were not asked for yet; what is no file has no content that could be sent. */
  private readonly files: Set<number>;
  private readonly open = new Set<number>();
  private isEnded = false;
  private failure: unknown;
  private news = Promise.withResolvers<void>();

  constructor(call: Call, files: Iterable<number>) {
    this.call = call;
    this.files = new Set(files);
  }

  /** Until the client's stream ends. */
  async listen(): Promise<void> {
    try {
      for await (const { type, id, data } of this.call.responses) {
        if (type === packetTypes.request) {
          if (!this.files.delete(id)) throw unexpected(`a file with number ${id}`);
          this.open.add(id);
        } else if (type === packetTypes.end) {
          this.isEnded = true;
        } else {
          throw unexpected(data.toString("utf8", 0, 1_000));
        }
        this.wake();
      }
      if (!this.isEnded) throw unexpected("no more, in the middle of the export");
    } catch (error) {
      this.failure = error;
      throw error;
    } finally {
      this.isEnded = true;
      this.wake();
    }
  }

  /** Waits for requests; false when none will come. */
  async pending(): Promise<boolean> {
    for (;;) {
      if (this.failure !== undefined) throw this.failure;
      if (this.open.size > 0) return true;
      if (this.isEnded) return false;
      await this.news.promise;
    }
  }

  take(id: number): boolean {
    return this.open.delete(id);
  }

  private wake(): void {
    const { resolve } = this.news;
    this.news = Promise.withResolvers<void>();
    resolve();
  }
}

function unexpected(what: string): DuetError {
  return new DuetError(
    "invalid",
    "EXPORT_FAILED",
    `the client cannot take the files: it asked for ${what}`,
  );
}

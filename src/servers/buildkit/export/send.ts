import { fileSendBytes } from "../../../spec/buildkit/file-sync.ts";
import type { PartProgress } from "../front-end/vertex.ts";
import { TransferStatus } from "../front-end/vertex.ts";
import type { Export } from "./export.ts";

/** Bytes of one message; clients read 32 KiB at a time. */
const chunkSize = 64 << 10;

/** Headers by which the client knows for which of its exporters a stream is. */
export function exporterMetadata({ index }: Export): Readonly<Record<string, string>> {
  return { "buildkit-attachable-exporter-id": String(index) };
}

/** Sends a file to the client, and waits until it has it. */
export async function sendFile(
  wanted: Export,
  content: AsyncIterable<Buffer>,
  progress: PartProgress,
  signal: AbortSignal,
): Promise<void> {
  const transfer = new TransferStatus(progress, "sending tarball");
  const call = wanted.session.client.open(fileSendBytes, exporterMetadata(wanted), signal);
  try {
    for await (const part of content) {
      for (let start = 0; start < part.length; start += chunkSize) {
        const data = part.subarray(start, start + chunkSize);
        await call.send({ data });
        transfer.add(data.length);
      }
    }
    call.end();
    for await (const answer of call.responses) void answer;
    transfer.end();
  } finally {
    call.cancel();
  }
}

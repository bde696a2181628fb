import type { OutputChunk } from "../../domain/process.ts";

export const rawStream = "application/vnd.docker.raw-stream";
export const multiplexedStream = "application/vnd.docker.multiplexed-stream";

/** Content type of an output stream; the multiplexed name came with API 1.42. */
export function streamType(multiplexed: boolean, apiVersion: number): string {
  return multiplexed && apiVersion >= 1042 ? multiplexedStream : rawStream;
}

/** Docker's stdcopy header: stream (1 stdout, 2 stderr), three zeros, length big-endian. */
export function frameHeader(stream: OutputChunk["stream"], length: number): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream === "stdout" ? 1 : 2;
  header.writeUInt32BE(length, 4);
  return header;
}

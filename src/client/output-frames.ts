import { DuetError } from "../kit/errors.ts";

/** One piece of what a workload wrote. */
export interface OutputPiece {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Buffer;
}

const headerBytes = 8;
const maximumFrame = 64 << 20;

/**
 * Takes apart Docker's multiplexed stream (API description, "Stream format"): frames of an 8-byte
 * header, stream number (1 out, 2 err), three zeros, big-endian length, then that many bytes.
 * Pieces come as soon as their bytes do; a frame may come in several pieces.
 */
export async function* demultiplex(
  source: AsyncIterable<Buffer>,
): AsyncGenerator<OutputPiece, void, undefined> {
  let header = Buffer.alloc(0);
  let left = 0;
  let stream: OutputPiece["stream"] = "stdout";
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.length > 0) {
      if (left > 0) {
        const bytes = rest.subarray(0, left);
        rest = rest.subarray(bytes.length);
        left -= bytes.length;
        yield { stream, bytes };
        continue;
      }
      const wanted = headerBytes - header.length;
      header = Buffer.concat([header, rest.subarray(0, wanted)]);
      rest = rest.subarray(wanted);
      if (header.length < headerBytes) continue;
      left = header.readUInt32BE(4);
      stream = streamOf(header[0] ?? 0, left);
      header = Buffer.alloc(0);
    }
  }
  if (left > 0 || header.length > 0) {
    throw new DuetError(
      "unavailable",
      "STREAM_CUT",
      "the daemon's output stream ended in mid-frame",
    );
  }
}

function streamOf(number: number, length: number): OutputPiece["stream"] {
  if (number > 2 || length > maximumFrame) {
    throw new DuetError("corrupt", "BAD_FRAME", "the daemon sent a malformed output frame");
  }
  return number === 2 ? "stderr" : "stdout";
}

/** The stream of a workload with a terminal: all bytes are stdout. */
export async function* plainOutput(
  source: AsyncIterable<Buffer>,
): AsyncGenerator<OutputPiece, void, undefined> {
  for await (const bytes of source) yield { stream: "stdout", bytes };
}

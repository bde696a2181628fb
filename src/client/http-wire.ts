import { DuetError } from "../kit/errors.ts";
import { connectionLost, type ByteReader } from "./byte-reader.ts";

const maximumHeadBytes = 64 << 10;
const maximumChunkLine = 1 << 10;

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** HTTP/1.1 request head (RFC 9112). Throws `invalid` on a line break in any part. */
export function encodeHead(head: RequestHead): string {
  const lines = [`${head.method} ${head.path} HTTP/1.1`, "Host: duet"];
  for (const [name, value] of Object.entries(head.headers)) lines.push(`${name}: ${value}`);
  if (lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new DuetError(
      "invalid",
      "HEADER_LINE_BREAK",
      "a request to the daemon held a line break",
    );
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** Reads the final response head; interim 1xx answers but 101 are passed over. */
export async function readHead(reader: ByteReader): Promise<ResponseHead> {
  for (;;) {
    const head = parseHead((await reader.until("\r\n\r\n", maximumHeadBytes)).toString("latin1"));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

function parseHead(text: string): ResponseHead {
  const lines = text.split("\r\n");
  const match = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(lines[0] ?? "");
  if (match === null) {
    throw new DuetError(
      "corrupt",
      "NOT_HTTP",
      "what answers on the daemon's socket does not speak HTTP",
    );
  }
  const headers = new Map<string, string>();
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(":");
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(match[1]), headers };
}

/** True when the connection can carry another request once this answer's body is read. */
export function isReusable(head: ResponseHead): boolean {
  return head.headers.get("connection")?.toLowerCase() !== "close" && !endsWithConnection(head);
}

function hasNoBody(head: ResponseHead, method: string): boolean {
  return method === "HEAD" || head.status === 204 || head.status === 304;
}

function endsWithConnection(head: ResponseHead): boolean {
  return (
    !isChunked(head) &&
    !head.headers.has("content-length") &&
    head.status !== 204 &&
    head.status !== 304
  );
}

function isChunked(head: ResponseHead): boolean {
  return head.headers.get("transfer-encoding")?.toLowerCase() === "chunked";
}

/** The answer's body as it comes, by chunked coding, by length, or to the end of the connection. */
export async function* readBody(
  reader: ByteReader,
  head: ResponseHead,
  method: string,
): AsyncGenerator<Buffer, void, undefined> {
  if (hasNoBody(head, method)) return;
  if (isChunked(head)) {
    yield* readChunks(reader);
    return;
  }
  const length = head.headers.get("content-length");
  if (length === undefined) {
    for (;;) {
      const bytes = await reader.some();
      if (bytes === null) return;
      yield bytes;
    }
  }
  yield* readExactly(reader, Number(length));
}

async function* readExactly(
  reader: ByteReader,
  length: number,
): AsyncGenerator<Buffer, void, undefined> {
  let left = length;
  while (left > 0) {
    const bytes = await reader.some(left);
    if (bytes === null) throw connectionLost();
    left -= bytes.length;
    yield bytes;
  }
}

async function* readChunks(reader: ByteReader): AsyncGenerator<Buffer, void, undefined> {
  for (;;) {
    const line = (await reader.until("\r\n", maximumChunkLine)).toString("latin1");
    const match = /^([0-9a-fA-F]{1,12})(?:;|$)/.exec(line);
    if (match === null)
      throw new DuetError("corrupt", "BAD_CHUNK", "the daemon sent a malformed chunk");
    const size = Number.parseInt(match[1]!, 16);
    if (size === 0) {
      while ((await reader.until("\r\n", maximumHeadBytes)).length > 0);
      return;
    }
    yield* readExactly(reader, size);
    await reader.until("\r\n", maximumChunkLine);
  }
}

/** What stands before `bytes` when they are a chunk of the chunked coding; `chunkTail` stands after them. */
export function chunkHead(bytes: Uint8Array): string {
  return `${bytes.length.toString(16)}\r\n`;
}

export const chunkTail = "\r\n";
export const lastChunk = "0\r\n\r\n";

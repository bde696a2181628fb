import type { Descriptor } from "../../domain/image.ts";
import type { Reference } from "../../domain/reference.ts";
import type { RegistryCredentials } from "../../domain/registry.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { answerError } from "./answers.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import type { RegistryPatience } from "./registry-config.ts";
import { pause, pauseLength } from "./retry.ts";

export interface BlobRequest {
  readonly reference: Reference;
  readonly descriptor: Descriptor;
  readonly credentials: RegistryCredentials | null;
  readonly signal: AbortSignal;
}

export interface OpenBlob {
  /** Where in the blob the body starts: what was asked for, or 0 from a server without ranges. */
  readonly offset: number;
  readonly answer: Answer;
}

/** Asks for a blob from `offset` on. */
export async function openBlob(
  endpoint: Endpoint,
  request: BlobRequest,
  offset: number,
): Promise<OpenBlob> {
  const { reference, descriptor, credentials, signal } = request;
  const answer = await endpoint.send({
    method: "GET",
    target: `/v2/${reference.path}/blobs/${descriptor.digest}`,
    headers: offset > 0 ? { range: `bytes=${offset}-` } : {},
    scope: `repository:${reference.path}:pull`,
    credentials,
    signal,
  });
  if (answer.status === 416 && offset > 0) {
    await answer.discard();
    return await openBlob(endpoint, request, 0);
  }
  if (answer.status !== 200 && answer.status !== 206) {
    throw await answerError(answer, { reference, action: "pull", object: "blob" });
  }
  const start = answer.status === 206 ? rangeStart(answer) : 0;
  if (start !== offset && start !== 0) {
    await answer.discard();
    return await openBlob(endpoint, request, 0);
  }
  const length = answer.header("content-length");
  if (length !== undefined && Number(length) !== descriptor.size - start) {
    await answer.discard();
    throw wrongSize(descriptor, `would send ${start + Number(length)}`);
  }
  return { offset: start, answer };
}

/** First byte of `Content-Range: bytes FIRST-LAST/SIZE`; -1 where it does not say. */
function rangeStart(answer: Answer): number {
  const match = /^bytes (\d{1,15})-\d{1,15}\/(?:\d{1,15}|\*)$/.exec(
    answer.header("content-range") ?? "",
  );
  return match === null ? -1 : Number(match[1]);
}

/**
 * The bytes of an opened blob to its end. A connection that breaks is taken up again where it
 * broke, as long as each attempt brings something.
 */
export async function* blobBody(
  endpoint: Endpoint,
  request: BlobRequest,
  opened: OpenBlob,
  patience: RegistryPatience,
): AsyncGenerator<Buffer, void, void> {
  const { descriptor, signal } = request;
  let current = opened;
  let position = opened.offset;
  for (let failures = 0; ;) {
    const before = position;
    try {
      for await (const chunk of skipTo(current, position)) {
        if (position + chunk.length > descriptor.size) throw wrongSize(descriptor, "sends more");
        position += chunk.length;
        yield chunk;
      }
      if (position === descriptor.size) return;
      throw shortBody(descriptor, position);
    } catch (error) {
      const passing = isDuetError(error, "unavailable") || isDuetError(error, "timeout");
      failures = position > before ? 1 : failures + 1;
      if (!passing || failures >= patience.attempts) throw error;
    }
    await pause(pauseLength(patience, failures), signal);
    current = await openBlob(endpoint, request, position);
  }
}

/** The body from `position` on, whatever the server began with. */
async function* skipTo(opened: OpenBlob, position: number): AsyncGenerator<Buffer, void, void> {
  let skip = position - opened.offset;
  for await (const chunk of opened.answer.body()) {
    const dropped = Math.min(skip, chunk.length);
    skip -= dropped;
    if (dropped < chunk.length) yield chunk.subarray(dropped);
  }
}

function wrongSize(descriptor: Descriptor, what: string): DuetError {
  return new DuetError(
    "corrupt",
    "SIZE_MISMATCH",
    `the registry ${what} bytes where ${descriptor.size} were promised: ${descriptor.digest}`,
    { subject: descriptor.digest },
  );
}

function shortBody(descriptor: Descriptor, position: number): DuetError {
  return new DuetError(
    "unavailable",
    "BODY_SHORT",
    `the registry sent ${position} of ${descriptor.size} bytes: ${descriptor.digest}`,
    { subject: descriptor.digest },
  );
}

import type { Digest } from "../../domain/digest.ts";
import type { UploadedBlob } from "../../domain/registry.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { answerError, TooManyRequests } from "./answers.ts";
import type { BlobRequest } from "./download.ts";
import type { Endpoint, EndpointRequest } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import type { RegistryMemory } from "./memory.ts";
import type { RegistryPatience } from "./registry-config.ts";
import { pause, pauseLength } from "./retry.ts";

const cancelMilliseconds = 5_000;
/** How much further than any before it an attempt must have come to count as a new beginning. */
const progressBytes = 1 << 20;

/** How often a chunk fails before the blob is sent in one piece: some registries know no other way. */
const timesAtOneChunk = 3;

/** A blob to upload. */
export interface Upload extends BlobRequest {
  /** Its bytes from `offset` on. */
  body(offset: number): Promise<AsyncIterable<Uint8Array>>;
  /** Told how much of it the connection took. */
  progress(sent: number): void;
}

/** An upload that the registry knows, and how much of the blob it has. */
interface Session {
  readonly url: URL;
  readonly offset: number;
}

export async function headBlob(
  endpoint: Endpoint,
  request: Omit<BlobRequest, "descriptor">,
  digest: Digest,
): Promise<boolean> {
  const { reference, credentials, signal } = request;
  const answer = await endpoint.send({
    method: "HEAD",
    target: `/v2/${reference.path}/blobs/${digest}`,
    scope: `repository:${reference.path}:pull,push`,
    credentials,
    signal,
  });
  await answer.discard();
  if (answer.status === 200) return true;
  if (answer.status === 404) return false;
  throw await answerError(answer, { reference, action: "push", object: "blob" });
}

/**
 * Mounts the blob from another repository of the registry where it is known to be, else uploads it:
 * POST, a PATCH for each chunk, PUT with the digest (OCI distribution-spec, "Pushing a blob in chunks").
 * An upload that breaks is taken up where the registry says that it stands, also by a later daemon, and
 * starts anew where the registry dropped it; in one piece where it takes no chunk after the first. One
 * that is cancelled or refused is deleted at the registry.
 */
export async function uploadBlob(
  endpoint: Endpoint,
  upload: Upload,
  patience: RegistryPatience,
  memory: RegistryMemory,
): Promise<UploadedBlob> {
  const { digest } = upload.descriptor;
  const { path } = upload.reference;
  const begun = await begin(endpoint, upload, memory);
  if ("mountedFrom" in begun) return begun;
  let session: Session = begun;
  let furthest = session.offset;
  let { chunk } = patience;
  const stuck = { at: 0, times: 0 };
  for (let failures = 0; ;) {
    let asked = 0;
    await memory.noteUpload(endpoint.host, path, digest, session.url);
    const way = { at: session, moved: 0 };
    const arrived = async (at: Session): Promise<void> => {
      Object.assign(way, { at, moved: 0 });
      await memory.noteUpload(endpoint.host, path, digest, at.url);
    };
    try {
      await transfer(endpoint, upload, session, {
        chunk,
        moved: (bytes) => (way.moved = bytes),
        arrived,
      });
      memory.forgetUpload(endpoint.host, path, digest);
      return { mountedFrom: "" };
    } catch (error) {
      const reached = way.at.offset + way.moved;
      failures = reached >= furthest + progressBytes ? 1 : failures + 1;
      furthest = Math.max(furthest, reached);
      if (error instanceof TooManyRequests) asked = error.asked;
      const isLimited = error instanceof TooManyRequests && asked <= patience.longestAsked;
      const passing =
        isLimited || isDuetError(error, "unavailable") || isDuetError(error, "timeout");
      // What was taken up may have been damaged there, or chunks mean something else to it.
      const isRefused = isDuetError(error, "invalid") || isDuetError(error, "not-found");
      stuck.times = stuck.at === way.at.offset && !isLimited ? stuck.times + 1 : 1;
      stuck.at = way.at.offset;
      const isStuck = stuck.times >= timesAtOneChunk && chunk !== Infinity;
      const isStale = way.at.offset > 0 && (isRefused || isStuck);
      const isOver = upload.signal.aborted || (!passing && !isStale);
      if (isOver || isStale) {
        memory.forgetUpload(endpoint.host, path, digest);
        await cancelUpload(endpoint, upload, way.at.url);
      }
      if (isStale) chunk = Infinity;
      if (isOver || failures >= patience.attempts) throw error;
    }
    await pause(pauseLength(patience, failures, asked), upload.signal);
    const known = memory.uploadOf(endpoint.host, path, digest);
    session =
      (known === undefined ? undefined : await takeUp(endpoint, upload, known)) ??
      (await startPlain(endpoint, upload));
  }
}

/** The upload that was left there earlier, or a new one; or where the blob was mounted from. */
async function begin(
  endpoint: Endpoint,
  upload: Upload,
  memory: RegistryMemory,
): Promise<Session | UploadedBlob> {
  const { digest } = upload.descriptor;
  const { path } = upload.reference;
  const left = memory.uploadOf(endpoint.host, path, digest);
  const session = left === undefined ? undefined : await takeUp(endpoint, upload, left);
  if (session !== undefined) return session;
  const from = memory.placeOf(endpoint.host, digest);
  const started = await startUpload(endpoint, upload, from === path ? "" : from);
  if (started === "mounted") return { mountedFrom: from };
  if (from !== "" && from !== path) memory.forgetPlace(endpoint.host, digest);
  return started;
}

/** Where an upload stands (distribution-spec, "GET upload status"); undefined where it cannot be gone on with. */
async function takeUp(endpoint: Endpoint, upload: Upload, url: URL): Promise<Session | undefined> {
  try {
    const answer = await endpoint.send({ ...base(upload), method: "GET", target: url });
    await answer.discard();
    if (answer.status !== 204) return undefined;
    const next = answer.header("location") === undefined ? url : sessionOf(answer);
    // An upload without a byte yet says `0-0`, as one with a single byte does.
    const last = Number(/^(?:bytes=)?0-(\d{1,15})$/.exec(answer.header("range") ?? "")?.[1] ?? 0);
    if (last > 0 && last < upload.descriptor.size) return { url: next, offset: last + 1 };
    await cancelUpload(endpoint, upload, next);
    return undefined;
  } catch (error) {
    upload.signal.throwIfAborted();
    if (isDuetError(error, "unavailable") || isDuetError(error, "timeout")) throw error;
    return undefined;
  }
}

async function startPlain(endpoint: Endpoint, upload: Upload): Promise<Session> {
  const started = await startUpload(endpoint, upload, "");
  if (started === "mounted") throw noPlace(endpoint.host);
  return started;
}

/** The upload, or that the registry mounted the blob instead. */
async function startUpload(
  endpoint: Endpoint,
  upload: Upload,
  mountFrom: string,
): Promise<Session | "mounted"> {
  const { path } = upload.reference;
  const query = new URLSearchParams({ mount: upload.descriptor.digest, from: mountFrom });
  const mounting = mountFrom !== "";
  const answer = await endpoint.send({
    ...base(upload),
    method: "POST",
    target: `/v2/${path}/blobs/uploads/${mounting ? `?${query.toString()}` : ""}`,
    headers: { "content-length": "0" },
    scope: `${scopeOf(upload)}${mounting ? ` repository:${mountFrom}:pull` : ""}`,
  });
  if (answer.status === 201 && mounting) {
    await answer.discard();
    return "mounted";
  }
  // Without rights on the other repository the mount fails where a plain upload does not.
  const refused = answer.status === 401 || answer.status === 403;
  if (mounting && refused) {
    await answer.discard();
    return await startUpload(endpoint, upload, "");
  }
  if (answer.status !== 202) throw await failed(answer, upload);
  await answer.discard();
  return { url: sessionOf(answer), offset: 0 };
}

/** How a blob is sent: by how much at a time, and who is told of it. */
interface Sending {
  /** Bytes. */
  readonly chunk: number;
  /** Told how much of the chunk the connection took. */
  moved(bytes: number): void;
  /** The registry has a chunk. */
  arrived(at: Session): Promise<void>;
}

async function transfer(
  endpoint: Endpoint,
  upload: Upload,
  session: Session,
  sending: Sending,
): Promise<void> {
  const { size, digest } = upload.descriptor;
  // Nothing is a chunk, too.
  let at = size === 0 ? await sendChunk(endpoint, upload, session, sending) : session;
  while (at.offset < size) {
    at = await sendChunk(endpoint, upload, at, sending);
    await sending.arrived(at);
  }
  const target = new URL(at.url);
  target.searchParams.set("digest", digest);
  const done = await endpoint.send({
    ...base(upload),
    method: "PUT",
    target,
    headers: { "content-type": "application/octet-stream", "content-length": "0" },
  });
  if (done.status !== 201 && done.status !== 204) throw await failed(done, upload);
  await done.discard();
}

async function sendChunk(
  endpoint: Endpoint,
  upload: Upload,
  { url, offset }: Session,
  { chunk, moved }: Sending,
): Promise<Session> {
  const { size } = upload.descriptor;
  const end = Math.min(size, offset + chunk);
  const isWhole = offset === 0 && end === size;
  const sent = await endpoint.send({
    ...base(upload),
    method: "PATCH",
    target: url,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(end - offset),
      // All in one needs none, and some registries take none.
      ...(isWhole ? {} : { "content-range": `${offset}-${end - 1}` }),
    },
    body: async () => counted(await upload.body(offset), { offset, end }, upload, moved),
  });
  if (sent.status !== 202 && sent.status !== 201 && sent.status !== 204)
    throw await failed(sent, upload);
  await sent.discard();
  const next = sent.header("location") === undefined ? url : sessionOf(sent);
  return { url: next, offset: end };
}

/** The bytes up to `end`, of a body that begins at `offset`. */
async function* counted(
  body: AsyncIterable<Uint8Array>,
  { offset, end }: { readonly offset: number; readonly end: number },
  upload: Upload,
  moved: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let sent = 0;
  for await (const chunk of body) {
    const part = chunk.subarray(0, end - offset - sent);
    yield part;
    sent += part.length;
    moved(sent);
    upload.progress(offset + sent);
    if (offset + sent === end) return;
  }
}

/** Nothing of an upload that was given up should stay; where the registry does not delete it, it expires. */
async function cancelUpload(endpoint: Endpoint, upload: Upload, session: URL): Promise<void> {
  try {
    const answer = await endpoint.send({
      ...base(upload),
      method: "DELETE",
      target: session,
      signal: AbortSignal.timeout(cancelMilliseconds),
    });
    await answer.discard();
  } catch {
    // The upload's own failure is what the user must hear of.
  }
}

function sessionOf(answer: Answer): URL {
  const location = answer.header("location") ?? "";
  if (location !== "" && URL.canParse(location, answer.url.href))
    return new URL(location, answer.url);
  throw noPlace(answer.url.host);
}

function noPlace(host: string): DuetError {
  return new DuetError("invalid", "REGISTRY_ANSWER", `${host} names no place for an upload`);
}

function base(upload: Upload): Pick<EndpointRequest, "scope" | "credentials" | "signal"> {
  return { scope: scopeOf(upload), credentials: upload.credentials, signal: upload.signal };
}

function scopeOf({ reference }: Upload): string {
  return `repository:${reference.path}:pull,push`;
}

async function failed(
  answer: Answer,
  { reference }: { reference: BlobRequest["reference"] },
): Promise<DuetError> {
  return await answerError(answer, { reference, action: "push", object: "blob" });
}

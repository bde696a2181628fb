import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { answerError } from "./answers.ts";
import type { BlobRequest } from "./download.ts";
import type { Endpoint, EndpointRequest } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import type { RegistryPatience } from "./registry-config.ts";
import { pause, pauseLength } from "./retry.ts";

const cancelMilliseconds = 5_000;

/** A blob to upload, and where in the same registry it may already be. */
export interface Upload extends BlobRequest {
  /** Path of a repository of the same registry to mount it from, or "". */
  readonly mountFrom: string;
  body(): Promise<AsyncIterable<Uint8Array>>;
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
 * Mounts the blob from another repository where that is possible, else uploads it: POST, one
 * streamed PATCH, PUT with the digest (OCI distribution-spec, "Pushing a blob in chunks"). An upload
 * that fails in passing starts anew; one that is given up is deleted at the registry.
 */
export async function uploadBlob(
  endpoint: Endpoint,
  upload: Upload,
  patience: RegistryPatience,
): Promise<void> {
  for (let tried = 1; ; tried += 1) {
    const session = await startUpload(endpoint, upload);
    if (session === undefined) return;
    try {
      await transfer(endpoint, upload, session);
      return;
    } catch (error) {
      await cancelUpload(endpoint, upload, session);
      const passing = isDuetError(error, "unavailable") || isDuetError(error, "timeout");
      if (!passing || tried >= patience.attempts) throw error;
    }
    await pause(pauseLength(patience, tried, undefined), upload.signal);
  }
}

/** The upload's URL; undefined where the registry mounted the blob instead. */
async function startUpload(endpoint: Endpoint, upload: Upload): Promise<URL | undefined> {
  const { path } = upload.reference;
  const query = new URLSearchParams({ mount: upload.descriptor.digest, from: upload.mountFrom });
  const mounting = upload.mountFrom !== "" && upload.mountFrom !== path;
  const answer = await endpoint.send({
    ...base(upload),
    method: "POST",
    target: `/v2/${path}/blobs/uploads/${mounting ? `?${query.toString()}` : ""}`,
    headers: { "content-length": "0" },
    scope: `${scopeOf(upload)}${mounting ? ` repository:${upload.mountFrom}:pull` : ""}`,
  });
  if (answer.status === 201 && mounting) {
    await answer.discard();
    return undefined;
  }
  // Without rights on the other repository the mount fails where a plain upload does not.
  const refused = answer.status === 401 || answer.status === 403;
  if (mounting && refused) {
    await answer.discard();
    return await startUpload(endpoint, { ...upload, mountFrom: "" });
  }
  if (answer.status !== 202) throw await failed(answer, upload);
  await answer.discard();
  return sessionOf(answer);
}

async function transfer(endpoint: Endpoint, upload: Upload, session: URL): Promise<void> {
  const sent = await endpoint.send({
    ...base(upload),
    method: "PATCH",
    target: session,
    headers: {
      "content-type": "application/octet-stream",
      "content-length": String(upload.descriptor.size),
    },
    body: () => upload.body(),
  });
  if (sent.status !== 202 && sent.status !== 201 && sent.status !== 204)
    throw await failed(sent, upload);
  await sent.discard();
  const target = sent.header("location") === undefined ? new URL(session) : sessionOf(sent);
  target.searchParams.set("digest", upload.descriptor.digest);
  const done = await endpoint.send({
    ...base(upload),
    method: "PUT",
    target,
    headers: { "content-type": "application/octet-stream", "content-length": "0" },
  });
  if (done.status !== 201 && done.status !== 204) throw await failed(done, upload);
  await done.discard();
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
  throw new DuetError(
    "invalid",
    "REGISTRY_ANSWER",
    `${answer.url.host} names no place for an upload`,
  );
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

/** Which repositories of a registry are known to have a blob; a bounded memory of this process. */
export class BlobPlaces {
  private readonly places = new Map<string, string>();

  note(host: string, descriptor: Pick<Descriptor, "digest">, path: string): void {
    const oldest = this.places.keys().next().value;
    if (this.places.size >= 10_000 && oldest !== undefined) this.places.delete(oldest);
    this.places.set(`${host} ${descriptor.digest}`, path);
  }

  find(host: string, digest: Digest): string {
    return this.places.get(`${host} ${digest}`) ?? "";
  }
}

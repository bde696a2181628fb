import type { Digest } from "../../../domain/digest.ts";
import type { Descriptor } from "../../../domain/image.ts";
import { manifestMediaType, maximumManifestBytes } from "../../../domain/manifest.ts";
import type { GivenImage } from "../../../engine/image-use-cases.ts";
import { DuetError } from "../../../kit/errors.ts";
import { codes, StatusError } from "../../../kit/grpc/status.ts";
import { content, writeActions } from "../../../spec/buildkit/content.ts";
import type { OpenCall } from "../../../kit/grpc/client.ts";
import type { Session } from "./session.ts";

/** Header by which a client knows which of its stores is meant. */
const storeHeader = "buildkit-attachable-store-id";

/** An image in a store of the client's, such as a folder with an OCI layout. Throws `not-found` CONTENT_MISSING. */
export async function imageOfStore(
  session: Session,
  wanted: { readonly store: string; readonly digest: Digest; readonly name: string },
  signal: AbortSignal,
): Promise<GivenImage> {
  const { store, digest, name } = wanted;
  const size = await sizeOf(session, store, digest, signal);
  if (size > maximumManifestBytes) {
    throw new DuetError("too-large", "MANIFEST_TOO_LARGE", `the manifest of ${name} is too large`);
  }
  const parts: Buffer[] = [];
  const manifest = readBlob(session, store, { digest, size }, 0, signal);
  for await (const part of manifest) parts.push(part);
  const mediaType = manifestMediaType(Buffer.concat(parts), "");
  return {
    name,
    target: { mediaType, digest, size },
    blob: async (blob, offset, until) => ({
      offset,
      body: readBlob(session, store, blob, offset, until),
    }),
  };
}

async function sizeOf(
  session: Session,
  store: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<number> {
  const metadata = { [storeHeader]: store };
  const { info } = await session.client.call(content.info, { digest }, signal, metadata);
  if (info !== undefined) return info.size;
  throw new DuetError("not-found", "CONTENT_MISSING", `the client's store has no ${digest}`);
}

async function* readBlob(
  session: Session,
  store: string,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let at = offset;
  const call = session.client.open(content.read, { [storeHeader]: store }, signal);
  try {
    await call.send({ digest, offset, size: size - offset });
    call.end();
    for await (const { data } of inTime(call)) {
      at += data.length;
      if (at > size) break;
      yield Buffer.from(data);
    }
  } finally {
    call.cancel();
  }
  if (at === size) return;
  throw new DuetError("corrupt", "SIZE_MISMATCH", `the client's ${digest} is not of ${size} bytes`);
}

/** Milliseconds until a client that is asked for a blob must send some of it: others wait for the same layers. */
const patience = 60_000;

/** What a call answers; time in which nobody reads does not count. Throws `timeout` CONTENT_SLOW. */
async function* inTime<T>({
  responses,
  cancel,
}: Pick<OpenCall<never, T>, "responses" | "cancel">): AsyncGenerator<T, void, void> {
  const answers = responses[Symbol.asyncIterator]();
  for (;;) {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new DuetError("timeout", "CONTENT_SLOW", "the client sends its content too slowly"));
      cancel();
    }, patience);
    try {
      const next = await Promise.race([late, answers.next()]);
      clearTimeout(timer);
      if (next.done === true) return;
      yield next.value;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Bytes of one message, as containerd's writers send them. */
const chunkSize = 1 << 20;
const alreadyExists = 6;

/** Puts a blob into a store of the client's, where it is not there yet. */
export async function writeBlob(
  session: Session,
  store: string,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
  source: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<void> {
  if (await hasBlob(session, store, digest, signal)) return;
  const call = session.client.open(content.write, { [storeHeader]: store }, signal);
  const answers = call.responses[Symbol.asyncIterator]();
  const about = { reference: `duet-${digest}`, total: size, expected: digest };
  const tell = async (message: Parameters<typeof call.send>[0]): Promise<void> => {
    await call.send({ ...about, ...message });
    await answers.next();
  };
  try {
    await tell({ action: writeActions.stat });
    let offset = 0;
    for await (const part of source) {
      for (let start = 0; start < part.length; start += chunkSize) {
        const data = part.subarray(start, start + chunkSize);
        await tell({ action: writeActions.write, offset, data });
        offset += data.length;
      }
    }
    await tell({ action: writeActions.commit, offset });
    call.end();
  } catch (error) {
    if (!(error instanceof StatusError) || error.status.code !== alreadyExists) throw error;
  } finally {
    call.cancel();
  }
}

async function hasBlob(
  session: Session,
  store: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await sizeOf(session, store, digest, signal);
    return true;
  } catch (error) {
    if (error instanceof StatusError && error.status.code === codes.notFound) return false;
    throw error;
  }
}

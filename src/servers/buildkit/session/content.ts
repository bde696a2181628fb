import type { Digest } from "../../../domain/digest.ts";
import type { Descriptor } from "../../../domain/image.ts";
import { manifestMediaType, maximumManifestBytes } from "../../../domain/manifest.ts";
import type { GivenImage } from "../../../engine/image-use-cases.ts";
import { DuetError } from "../../../kit/errors.ts";
import { content } from "../../../spec/buildkit/content.ts";
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
  const blob = (one: Pick<Descriptor, "digest" | "size">, offset: number, until: AbortSignal) =>
    readBlob(session, store, one, offset, until);
  const size = await sizeOf(session, store, digest, signal);
  if (size > maximumManifestBytes) {
    throw new DuetError("too-large", "MANIFEST_TOO_LARGE", `the manifest of ${name} is too large`);
  }
  const parts: Buffer[] = [];
  for await (const part of blob({ digest, size }, 0, signal)) parts.push(part);
  const mediaType = manifestMediaType(Buffer.concat(parts), "");
  return { name, target: { mediaType, digest, size }, blob };
}

async function sizeOf(
  session: Session,
  store: string,
  digest: Digest,
  signal: AbortSignal,
): Promise<number> {
  const metadata = { [storeHeader]: `oci:${store}` };
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
  const call = session.client.open(content.read, { [storeHeader]: `oci:${store}` }, signal);
  try {
    await call.send({ digest, offset, size: size - offset });
    call.end();
    for await (const { data } of call.responses) {
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

import type { Descriptor } from "../../domain/image.ts";
import { parseManifest } from "../../domain/manifest.ts";
import { familiarReference, formatReference, parseReference } from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases } from "../engine.ts";
import { withLease } from "./lease.ts";

type PushOptions = Parameters<ImageUseCases["push"]>[1];

/** Pushes one tag: blobs first, those that the registry lacks, then the manifest. */
export async function pushImage(
  context: EngineContext,
  text: string,
  options: PushOptions,
  signal: AbortSignal,
): Promise<void> {
  const reference = parseReference(text);
  const familiar = familiarReference(reference);
  const name = context.store.imageNames.get(formatReference(reference));
  const image = name === undefined ? undefined : context.store.images.get(name.image);
  if (image === undefined) {
    throw new DuetError(
      "not-found",
      "IMAGE_NOT_FOUND",
      `An image does not exist locally with the tag: ${familiar}`,
      {
        hint: "tag an image with that name first",
      },
    );
  }
  const status = (id: string, line: string): void =>
    options.progress({ kind: "status", id, text: line });
  status("", `The push refers to repository [${reference.domain}/${reference.path}]`);
  const content = await context.content.read(image.manifest.digest, 4 << 20);
  const manifest = parseManifest(content, image.manifest.mediaType);
  await withLease(context, async (lease) => {
    const blobs = [...manifest.layers, manifest.config];
    await lease.hold([...blobs.map((blob) => blob.digest), image.manifest.digest], []);
    const push = async (blob: Descriptor): Promise<void> => {
      const short = blob.digest.slice(7, 19);
      if (await context.registry.hasBlob(reference, blob.digest, options.auth, signal)) {
        status(short, "Layer already exists");
        return;
      }
      status(short, "Pushing");
      await context.registry.pushBlob(
        reference,
        blob,
        () => context.content.stream(blob.digest),
        options.auth,
        signal,
      );
      status(short, "Pushed");
    };
    for (const blob of blobs) await push(blob);
    const digest = await context.registry.pushManifest(
      reference,
      image.manifest.mediaType,
      content,
      options.auth,
      signal,
    );
    status("", `${reference.tag}: digest: ${digest} size: ${content.length}`);
  });
  const attributes = { name: familiar };
  context.events.publish({ type: "image", action: "push", id: familiar, attributes });
}

import { Readable } from "node:stream";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageRecord, Platform } from "../../domain/image.ts";
import { chainIds, formatPlatform, maximumManifestBytes } from "../../domain/manifest.ts";
import { familiarReference, formatReference, parseReference } from "../../domain/reference.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { PullProgress } from "../../domain/registry.ts";
import type { GivenImage, ImageUseCases, PullEvent } from "../image-use-cases.ts";
import { asNamed } from "../images/as-named.ts";
import { findImage } from "../images/find.ts";
import { openLease } from "../images/lease.ts";
import type { BuildClient, BuildRequest } from "./build.ts";
import { Vertex } from "./vertex.ts";

/** An image that a build stands on or takes files from. */
export interface BaseImage {
  readonly record: ImageRecord;
  /** As it is shown, with the digest: `docker.io/library/busybox:latest@sha256:...`. */
  readonly shown: string;
  readonly reference: string;
  readonly digest: Digest;
}

/** Images by reference and platform, each looked up once a build and kept from being removed until its end. */
export class BaseImages implements Disposable {
  private readonly context: EngineContext;
  private readonly images: ImageUseCases;
  private readonly request: Pick<BuildRequest, "pull">;
  private readonly client: BuildClient;
  private readonly identity: string;
  private readonly lease;
  private readonly found = new Map<string, Promise<BaseImage>>();

  constructor(
    context: EngineContext,
    images: ImageUseCases,
    build: {
      readonly request: Pick<BuildRequest, "pull">;
      readonly client: BuildClient;
      readonly identity: string;
    },
  ) {
    this.context = context;
    this.images = images;
    this.request = build.request;
    this.client = build.client;
    this.identity = build.identity;
    this.lease = openLease(context);
  }

  /** Throws `not-found` IMAGE_NOT_FOUND and what a pull throws. */
  async get(
    wanted: string | GivenImage,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<BaseImage> {
    const name = typeof wanted === "string" ? wanted : `${wanted.name}@${wanted.target.digest}`;
    const key = `${name} ${formatPlatform(platform)}`;
    const known = this.found.get(key);
    if (known !== undefined) return await known;
    const looking =
      typeof wanted === "string"
        ? this.look(wanted, platform, signal)
        : this.take(wanted, platform, signal);
    looking.catch(() => undefined);
    this.found.set(key, looking);
    return await looking;
  }

  /** What a reference names at its registry; null where it is an image that is here. */
  async remote(text: string, signal: AbortSignal): Promise<GivenImage | null> {
    const name = canonicalName(text);
    if (this.context.store.imageNames.get(name) !== undefined) return null;
    const { registry } = this.context;
    const reference = parseReference(text);
    const auth = await this.client.credentials(reference.domain, signal);
    const { descriptor, content } = await registry.resolve(reference, auth, signal);
    return {
      name,
      target: descriptor,
      blob: async (blob, offset, until) => {
        const isManifest = blob.digest === descriptor.digest;
        if (isManifest) return { offset: 0, body: Readable.from([content]) };
        return await registry.blob(reference, blob, offset, auth, until);
      },
    };
  }

  /** A manifest or configuration of what is given. Throws `too-large`. */
  async read(given: GivenImage, small: Descriptor, signal: AbortSignal): Promise<Buffer> {
    if (small.size > maximumManifestBytes) {
      throw new DuetError("too-large", "CACHE_TOO_LARGE", `${small.digest} is over 4 MiB`);
    }
    await this.bring(given, small, signal);
    return await this.context.content.read(small.digest, maximumManifestBytes);
  }

  /** Until the build ends. */
  async bring(given: GivenImage, blob: Descriptor, signal: AbortSignal): Promise<void> {
    await this.images.bring(given, blob, this.lease, signal);
  }

  /** What the build stands on, for its provenance. */
  async materials(): Promise<readonly { readonly reference: string; readonly digest: Digest }[]> {
    const all = await Promise.all(this.found.values());
    return all.map(({ reference, digest }) => ({ reference, digest }));
  }

  [Symbol.dispose](): void {
    this.lease.end();
  }

  private async look(
    reference: string,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<BaseImage> {
    const canonical = canonicalName(reference);
    const name = `[internal] load metadata for ${canonical}`;
    const vertex = new Vertex(this.client, name, `${this.identity} ${formatPlatform(platform)}`);
    return await vertex.run(async () => {
      const { record, target } = await this.held(reference, platform, vertex, signal);
      const at = canonical.includes("@") ? canonical : `${canonical}@${target}`;
      return {
        value: { record, shown: at, reference: canonical, digest: target },
        cached: false,
      };
    });
  }

  /** An image that is here or comes from its registry; anew where it went before it was held. */
  private async held(
    reference: string,
    platform: Platform,
    vertex: Vertex,
    signal: AbortSignal,
  ): Promise<{ readonly record: ImageRecord; readonly target: Digest }> {
    for (;;) {
      signal.throwIfAborted();
      const local = this.request.pull ? undefined : await this.local(reference, platform);
      const record = local?.record ?? (await this.pull(reference, platform, vertex, signal));
      const target = local?.digest ?? this.targetOf(reference, record);
      await this.lease.hold(
        [record.id, record.manifest.digest, ...record.layers.map((layer) => layer.digest)],
        chainIds(record.diffIds),
      );
      if (this.context.store.images.get(record.id) !== undefined) return { record, target };
    }
  }

  private async take(
    given: GivenImage,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<BaseImage> {
    const { name, target } = given;
    const title = `[context ${name}] load from client`;
    const vertex = new Vertex(this.client, title, `${this.identity} ${formatPlatform(platform)}`);
    return await vertex.run(async () => {
      const progress = layerProgress(vertex);
      const options = { platform, lease: this.lease, progress };
      const record = await this.images.take(given, options, signal);
      const shown = `${name}@${target.digest}`;
      return { value: { record, shown, reference: name, digest: target.digest }, cached: false };
    });
  }

  private async local(
    reference: string,
    platform: Platform,
  ): Promise<{ readonly record: ImageRecord; readonly digest: Digest } | undefined> {
    try {
      const { image, matched } = findImage(this.context, reference, platform);
      const { os, architecture } = image.platform;
      if (os !== platform.os || architecture !== platform.architecture) return undefined;
      const record = await asNamed(this.context, image, matched);
      return { record, digest: matched?.target.digest ?? record.manifest.digest };
    } catch (error) {
      if (isDuetError(error, "not-found")) return undefined;
      throw error;
    }
  }

  private async pull(
    reference: string,
    platform: Platform,
    vertex: Vertex,
    signal: AbortSignal,
  ): Promise<ImageRecord> {
    const { domain } = parseReference(reference);
    const auth = await this.client.credentials(domain, signal);
    const layer = layerProgress(vertex);
    const options = {
      platform,
      auth,
      progress: (event: PullEvent) => {
        if (event.kind === "layer") layer(event.progress);
      },
    };
    return await this.images.pull(familiarReference(parseReference(reference)), options, signal);
  }

  private targetOf(reference: string, record: ImageRecord): Digest {
    const name = this.context.store.imageNames.get(canonicalName(reference));
    return name?.target.digest ?? record.manifest.digest;
  }
}

function layerProgress(vertex: Vertex): (progress: PullProgress) => void {
  return ({ layer, current, total, phase }) =>
    vertex.status(layer.digest, current, total, phase === "done");
}

function canonicalName(reference: string): string {
  try {
    return formatReference(parseReference(reference));
  } catch {
    // An id of an image that is here.
    return reference;
  }
}

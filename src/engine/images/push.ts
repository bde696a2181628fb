import type { Digest } from "../../domain/digest.ts";
import type { Descriptor, ImageName } from "../../domain/image.ts";
import { manifestKind } from "../../domain/manifest.ts";
import {
  familiarReference,
  formatReference,
  parseReference,
  type Reference,
} from "../../domain/reference.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import type { EngineContext } from "../context.ts";
import type { ImageUseCases, PushProgress } from "../image-use-cases.ts";
import { asNamed } from "./as-named.ts";
import { withLease, type Lease } from "./lease.ts";
import { collectPlan, planPush, type PushPlan } from "./push-plan.ts";
import { Turns } from "../../kit/turns.ts";

type PushOptions = Parameters<ImageUseCases["push"]>[1];

/** Blobs on their way to a registry at a time, as in Docker. */
const parallelUploads = 5;

interface Push {
  readonly reference: Reference;
  readonly options: PushOptions;
  readonly signal: AbortSignal;
}

/** Pushes one tag, or every tag of a repository where `text` has none. */
export async function pushImage(
  context: EngineContext,
  text: string,
  options: PushOptions,
  signal: AbortSignal,
): Promise<void> {
  const reference = parseReference(text);
  if (reference.digest !== null) {
    throw new DuetError("invalid", "REFERENCE_INVALID", "cannot push a digest reference");
  }
  const repository = `${reference.domain}/${reference.path}`;
  options.progress({
    kind: "status",
    id: "",
    text: `The push refers to repository [${repository}]`,
  });
  for (const name of namesToPush(context, text, reference)) {
    const tagged = parseReference(name.name);
    await pushName(context, name, { reference: tagged, options, signal });
    const familiar = familiarReference(tagged);
    const attributes = { name: familiarReference({ ...tagged, tag: "", digest: null }) };
    context.events.publish({ type: "image", action: "push", id: familiar, attributes });
  }
}

function namesToPush(
  context: EngineContext,
  text: string,
  reference: Reference,
): readonly ImageName[] {
  const repository = formatReference({ ...reference, tag: "", digest: null });
  const names = context.store.imageNames
    .list()
    .filter(({ name }) => name.startsWith(`${repository}:`) && !name.includes("@"));
  if (names.length === 0) {
    const familiar = familiarReference({ ...reference, tag: "", digest: null });
    throw notHere(`An image does not exist locally with the tag: ${familiar}`);
  }
  if (!/:[^/]*$/.test(text)) return names;
  const name = names.find((each) => each.name === formatReference(reference));
  if (name !== undefined) return [name];
  throw notHere(`tag does not exist: ${familiarReference(reference)}`);
}

function notHere(message: string): DuetError {
  return new DuetError("not-found", "IMAGE_NOT_FOUND", message, {
    hint: "tag an image with that name first",
  });
}

/** Blobs that the registry lacks, side by side; then manifests, those that others name first; the tag last. */
async function pushName(context: EngineContext, name: ImageName, push: Push): Promise<void> {
  const image = context.store.images.get(name.image);
  if (image === undefined) throw notHere(`No such image: ${name.name}`);
  const { reference, options } = push;
  await withLease(context, async (lease) => {
    const own = await asNamed(context, image, name);
    const plan = await planPush(context, name, own, options.platform);
    const digest = await pushPlan(context, plan, push, lease);
    noteAtRegistry(context, name, digest);
    const { descriptor } = plan.top;
    const index = name.target;
    const text = `${reference.tag}: digest: ${digest} size: ${plan.top.content.length}`;
    options.progress({ kind: "status", id: "", text });
    options.progress({ kind: "pushed", tag: reference.tag, descriptor });
    const several = (name.variants ?? []).length > 0 && options.platform === null;
    if (several && manifestKind(index.mediaType) === "index" && index.digest !== digest)
      options.progress({ kind: "instead", index, manifest: descriptor });
  });
}

/** Pushes what no image is, such as a cache of builds: a manifest in the content store, with all that it names. */
export async function pushTarget(
  context: EngineContext,
  text: string,
  target: Descriptor,
  auth: PushOptions["auth"],
  signal: AbortSignal,
): Promise<void> {
  const options: PushOptions = { auth, platform: null, progress: () => undefined };
  await withLease(context, async (lease) => {
    const plan = await collectPlan(context, target);
    await pushPlan(context, plan, { reference: parseReference(text), options, signal }, lease);
  });
}

async function pushPlan(
  context: EngineContext,
  plan: PushPlan,
  push: Push,
  lease: Lease,
): Promise<Digest> {
  const { reference, options, signal } = push;
  const held = [...plan.blobs, ...plan.manifests.map(({ descriptor }) => descriptor)];
  await lease.hold([...held.map(({ digest }) => digest), plan.top.descriptor.digest], []);
  await pushBlobs(context, plan, push);
  await failpoint("push.blobs");
  const put = async (to: Reference, document: PushPlan["top"]): Promise<Digest> =>
    await context.registry.pushManifest(
      to,
      document.descriptor.mediaType,
      document.content,
      options.auth,
      signal,
    );
  for (const manifest of plan.manifests) await put({ ...reference, tag: "" }, manifest);
  await failpoint("push.manifests");
  return await put(reference, plan.top);
}

/** What the tag names here is now there, too, unless the tag was moved meanwhile. */
function noteAtRegistry(context: EngineContext, { name }: ImageName, digest: Digest): void {
  context.store.transaction(() => {
    const now = context.store.imageNames.get(name);
    if (now?.target.digest === digest) context.store.imageNames.put({ ...now, atRegistry: true });
  });
}

/** The first failure ends the others; an upload under way is given up at the registry, too. */
async function pushBlobs(context: EngineContext, plan: PushPlan, push: Push): Promise<void> {
  const controller = new AbortController();
  const signal = AbortSignal.any([push.signal, controller.signal]);
  const turns = new Turns(parallelUploads);
  const report = (
    layer: Descriptor,
    phase: PushProgress["phase"],
    current = 0,
    from = "",
  ): void => {
    if (!plan.layers.has(layer.digest) && phase !== "foreign") return;
    push.options.progress({ kind: "upload", progress: { layer, phase, current, from } });
  };
  for (const layer of plan.blobs) report(layer, "preparing");
  for (const layer of plan.foreign) report(layer, "foreign");
  const uploads = plan.blobs.map(async (blob) => {
    if (turns.isFull) report(blob, "waiting");
    await turns.run(signal, () => pushBlob(context, blob, { ...push, signal }, report));
  });
  try {
    await Promise.all(uploads);
  } catch (error) {
    controller.abort(error);
    await Promise.allSettled(uploads);
    throw error;
  }
}

async function pushBlob(
  context: EngineContext,
  blob: Descriptor,
  { reference, options, signal }: Push,
  report: (blob: Descriptor, phase: PushProgress["phase"], current?: number, from?: string) => void,
): Promise<void> {
  if (await context.registry.hasBlob(reference, blob.digest, options.auth, signal)) {
    report(blob, "exists");
    return;
  }
  const { mountedFrom } = await context.registry.pushBlob(
    reference,
    blob,
    (offset) => context.content.stream(blob.digest, offset),
    options.auth,
    signal,
    (sent) => report(blob, "pushing", sent),
  );
  await failpoint("push.blob");
  if (mountedFrom === "") report(blob, "pushed");
  else report(blob, "mounted", 0, mountedFrom);
}

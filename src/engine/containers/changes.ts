import type { ContainerRecord } from "../../domain/container.ts";
import { chainIds } from "../../domain/image-config.ts";
import type { DiffEntry, RootfsSession } from "../../domain/rootfs.ts";
import type { EngineContext } from "../context.ts";
import { imageOf } from "../images/image-of.ts";
import { thenClose } from "./archive.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { snapshotterOf } from "./root-kind.ts";
import { runtimeOf } from "./runtime-of.ts";

interface OwnRoot extends AsyncDisposable {
  readonly session: RootfsSession;
  /** The image's root, where the container's is no overlay over it. */
  readonly base: RootfsSession | undefined;
}

/**
 * The container's root apart from what is mounted in it. That of a machine is on a disk of its own: the
 * guest, or a machine without a workload, tells of it.
 */
async function openOwnRoot(
  context: EngineContext,
  record: ContainerRecord,
  withBase: boolean,
  signal: AbortSignal,
): Promise<OwnRoot> {
  const runtime = runtimeOf(context, record.spec.isolation);
  const root = await snapshotterOf(context, record).root(record.id);
  if (root.kind === "directory") {
    const target = { kind: "mounts", mounts: root.mounts, readonly: true } as const;
    const session = await context.rootfs.open(target, signal);
    return {
      session,
      base: undefined,
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  }
  /* What is mounted in it is left out: one that does not run is opened without. */
  const session = await (context.live.get(record.id)?.openRoot(signal) ??
    runtime.openRoot(root, signal));
  const base = withBase ? await openImageRoot(context, record, signal) : undefined;
  return {
    session,
    base,
    [Symbol.asyncDispose]: async () => {
      await Promise.all([session[Symbol.asyncDispose](), base?.[Symbol.asyncDispose]()]);
    },
  };
}

async function openImageRoot(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<RootfsSession | undefined> {
  const image = imageOf(context, record);
  const chain = image === undefined ? null : (chainIds(image.diffIds).at(-1) ?? null);
  const mounts = await context.snapshotters.directory.view?.(chain);
  if (mounts === undefined) return undefined;
  return await context.rootfs.open({ kind: "mounts", mounts, readonly: true }, signal);
}

export async function changesOf(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): Promise<readonly DiffEntry[]> {
  await using root = await openOwnRoot(context, findContainer(context, reference), true, signal);
  return await root.session.changes(signal, root.base);
}

/** The same changes as an uncompressed OCI layer. */
export async function* layerOf(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  await using root = await openOwnRoot(context, record, true, signal);
  yield* root.session.layer(signal, root.base);
}

export async function* exportContainer(
  context: EngineContext,
  reference: string,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const record = findContainer(context, reference);
  const root = await openOwnRoot(context, record, false, signal);
  publishContainerEvent(context, record, "export");
  yield* thenClose(root, root.session.wholeTree(signal));
}

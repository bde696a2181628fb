import { stat } from "node:fs/promises";
import type { ContainerRecord } from "../../domain/container.ts";
import { newObjectId } from "../../domain/identity.ts";
import type { Mount, MountRecord } from "../../domain/mount.ts";
import type { RootfsSession, RootfsStat } from "../../domain/rootfs.ts";
import type { Runtime } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { makeHostParts, needsHostParts, releaseHostParts } from "./host-parts.ts";
import { snapshotterOf } from "./root-kind.ts";
import { runtimeOf } from "./runtime-of.ts";

const releaseMilliseconds = 30_000;

/** The container's root with its volumes in place: the running one, or the stopped one's as it would start. */
export async function openRoot(
  context: EngineContext,
  record: ContainerRecord,
  signal: AbortSignal,
): Promise<RootfsSession> {
  const workload = context.live.get(record.id);
  if (workload !== undefined) return await workload.openRoot(signal);
  const runtime = runtimeOf(context, record.spec.isolation);
  const root = await snapshotterOf(context, record).root(record.id);
  if (root.kind === "machine") return await runtime.openRoot(root, signal);
  const borrowed = needsHostParts(context, record) ? borrower(record) : null;
  if (borrowed === null) return await openMounted(runtime, root, record.mounts, signal);
  const release = (): Promise<void> =>
    releaseHostParts(context, borrowed, withDeadline(never, releaseMilliseconds, "clean-up"));
  try {
    const parts = await makeHostParts(context, borrowed, signal);
    const session = await openMounted(runtime, root, parts.mounts, signal);
    const close = session[Symbol.asyncDispose].bind(session);
    return Object.assign(session, {
      [Symbol.asyncDispose]: async () => {
        try {
          await close();
        } finally {
          await release();
        }
      },
    });
  } catch (error) {
    await release();
    throw error;
  }
}

/** The same mounts for a moment, apart from a run that may begin meanwhile. */
function borrower(record: ContainerRecord): ContainerRecord {
  const { spec } = record;
  const security = { ...spec.security, ipcMode: "" };
  return { ...record, id: newObjectId(), spec: { ...spec, security } };
}

async function openMounted(
  runtime: Runtime,
  root: Exclude<RootSource, { kind: "machine" }>,
  own: readonly MountRecord[],
  signal: AbortSignal,
): Promise<RootfsSession> {
  // A machine's agent makes them as it mounts.
  if (root.kind === "directory") await makeMountPoints(runtime, root.mounts, own, signal);
  const mounts: Mount[] = own
    .filter((mount) => mount.hostPath !== "")
    .map((mount) => ({
      type: "bind",
      source: mount.hostPath,
      target: mount.target,
      options: mount.readonly ? ["rbind", "ro"] : ["rbind"],
    }));
  const below = root.kind === "directory" ? root.mounts : [];
  return await runtime.openRoot({ ...root, mounts: [...below, ...mounts] }, signal);
}

/** The folders to mount on that the image lacks, as the first start would make them. */
async function makeMountPoints(
  runtime: Runtime,
  root: readonly Mount[],
  own: readonly MountRecord[],
  signal: AbortSignal,
): Promise<void> {
  const wanted: string[] = [];
  for (const { hostPath, target } of own) {
    const isFolder = (await stat(hostPath).catch(() => undefined))?.isDirectory() ?? false;
    if (isFolder) wanted.push(target);
  }
  if (wanted.length === 0) return;
  await using session = await runtime.openRoot({ kind: "directory", mounts: root }, signal);
  for (const target of wanted) {
    const words = target.split("/").filter((word) => word !== "");
    for (let count = 1; count <= words.length; count += 1) {
      await makeFolder(session, words.slice(0, count).join("/"), signal);
    }
  }
}

async function makeFolder(
  session: RootfsSession,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await session.stat(`/${path}`, true, signal);
  } catch (error) {
    if (!isDuetError(error, "not-found")) throw error;
    await session.makeDirectory(path, 0o755, 0, 0, signal);
  }
}

export async function statPath(
  context: EngineContext,
  reference: string,
  path: string,
  signal: AbortSignal,
): Promise<RootfsStat> {
  await using session = await openRoot(context, findContainer(context, reference), signal);
  return await session.stat(path, false, signal);
}

export async function archivePath(
  context: EngineContext,
  reference: string,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly stat: RootfsStat; readonly body: AsyncIterable<Buffer> }> {
  const record = findContainer(context, reference);
  const session = await openRoot(context, record, signal);
  try {
    const stat = await session.stat(path, false, signal);
    publishContainerEvent(context, record, "archive-path");
    return { stat, body: thenClose(session, session.archive(path, signal)) };
  } catch (error) {
    await session[Symbol.asyncDispose]();
    throw error;
  }
}

export async function* thenClose(
  session: AsyncDisposable,
  body: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

export async function extractTo(
  context: EngineContext,
  reference: string,
  path: string,
  tar: AsyncIterable<Uint8Array>,
  options: { readonly noOverwriteDirNonDir: boolean; readonly copyOwner: boolean },
  signal: AbortSignal,
): Promise<void> {
  const record = findContainer(context, reference);
  await using session = await openRoot(context, record, signal);
  await session.extract(path, tar, options, signal);
  publishContainerEvent(context, record, "extract-to-dir");
}

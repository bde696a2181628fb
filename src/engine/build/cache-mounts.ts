import { chmod, chown, mkdir, readdir, rename, rm } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { FileTree } from "../../domain/build/files.ts";
import type { RunMount, RunOperation } from "../../domain/build/operation.ts";
import { digestHex, isDigest, type Digest } from "../../domain/digest.ts";
import { errnoOf } from "../../kit/errors.ts";
import { race } from "../../kit/abort.ts";
import type { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import type { BuildRequest } from "./build.ts";
import { folderSize } from "../system/folder-size.ts";
import { stepKey } from "./step-key.ts";

export type CacheMount = Extract<RunMount, { readonly kind: "cache" }>;

/** Caches of steps, a folder each, named by the hex of their key. */
export function cachesFolder(context: EngineContext): string {
  return join(context.settings.dataRoot, "build", "caches");
}

/**
 * The folder of a step's cache, made where it is missing; in use until the scope ends. `begin` gives the tree
 * that a new one begins with.
 */
export async function openCacheMount(
  context: EngineContext,
  scope: Scope,
  mount: CacheMount,
  begin: () => Promise<FileTree | null>,
  signal: AbortSignal,
): Promise<string> {
  const key = await claim(context, scope, mount, signal);
  const use = context.builds.use(key);
  scope.defer(() => use[Symbol.dispose]());
  const folder = join(cachesFolder(context), digestHex(key));
  await context.objectLocks.run(`build cache ${key}`, signal, async () => {
    const isThere = context.store.buildCache.get(key) !== undefined && (await exists(folder));
    // The entry first, so that the folder is nobody's garbage.
    note(context, key, mount, isThere);
    if (!isThere) await make(context, mount, await begin(), folder, signal);
  });
  scope.defer(async (until) => await measure(context, key, folder, until));
  return folder;
}

/** A step with its cache mounts named as its build wants them apart from other builds'. */
export function inNamespace(
  { cacheNamespace = "" }: Pick<BuildRequest, "cacheNamespace">,
  operation: RunOperation,
): RunOperation {
  if (cacheNamespace === "") return operation;
  const mounts = operation.mounts.map((mount) =>
    mount.kind === "cache" ? { ...mount, id: `${cacheNamespace}/${mount.id}` } : mount,
  );
  return { ...operation, mounts };
}

/** Throws away the caches of a name, so that the next step that mounts them begins anew; those that are in use stay. */
export async function dropCacheMounts(
  context: EngineContext,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  for (let number = 0; ; number += 1) {
    const key = keyOf(id, number);
    if (context.store.buildCache.get(key) === undefined) return;
    await context.objectLocks.run(`build cache ${key}`, signal, async () => {
      if (context.builds.isUsed(key)) return;
      context.store.transaction(() => context.store.buildCache.delete(key));
      await rm(join(cachesFolder(context), digestHex(key)), { recursive: true, force: true });
    });
  }
}

/** Several have the same name where each is one step's alone (`sharing=private`). */
function keyOf(id: string, number: number): Digest {
  return stepKey(["cache mount", id, number]);
}

/** The key of a cache that this step may use now, by the rule of its sharing. */
async function claim(
  context: EngineContext,
  scope: Scope,
  mount: CacheMount,
  signal: AbortSignal,
): Promise<Digest> {
  const { cacheMounts, privateMounts } = context.builds;
  if (mount.sharing === "shared") return keyOf(mount.id, 0);
  if (mount.sharing === "private") {
    let number = 0;
    while (privateMounts.has(keyOf(mount.id, number))) number += 1;
    const key = keyOf(mount.id, number);
    privateMounts.add(key);
    scope.defer(() => void privateMounts.delete(key));
    return key;
  }
  const { promise: held, resolve: entered } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const turn = cacheMounts.run(mount.id, signal, async () => {
    entered();
    await ended;
  });
  scope.defer(() => end());
  await race(Promise.race([held, turn]), signal);
  return keyOf(mount.id, 0);
}

async function make(
  context: EngineContext,
  mount: CacheMount,
  tree: FileTree | null,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  const temporary = join(cachesFolder(context), `.tmp-${randomBytes(8).toString("hex")}`);
  await mkdir(temporary, { recursive: true, mode: 0o755 });
  try {
    if (tree !== null) await fill(context, mount, tree, temporary, signal);
    await chown(temporary, mount.uid, mount.gid);
    await chmod(temporary, mount.mode);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}

async function fill(
  context: EngineContext,
  mount: CacheMount,
  tree: FileTree,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const path = mount.source === "" ? "/" : mount.source;
  const selection = { files: tree, path, exclude: [], parents: false, unpack: false };
  const mounts = [{ type: "bind", source: folder, target: "", options: ["bind"] }] as const;
  const target = { mounts, destination: "/", owner: null, mode: null, latestTime: null };
  await context.buildFiles.copy([selection], target, signal);
}

function note(context: EngineContext, key: Digest, mount: CacheMount, isThere: boolean): void {
  const now = Date.now();
  const before = isThere ? context.store.buildCache.get(key) : undefined;
  context.store.transaction(() =>
    context.store.buildCache.put({
      key,
      kind: "exec.cachemount",
      description: `cached mount ${mount.target} from exec with id "${mount.id}"`,
      ...{ parents: [], layers: [], diffIds: [] },
      size: before?.size ?? 0,
      createdAt: before?.createdAt ?? now,
      usedAt: now,
      useCount: (before?.useCount ?? 0) + 1,
    }),
  );
}

async function measure(
  context: EngineContext,
  key: Digest,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const size = await folderSize(folder, signal);
  const entry = context.store.buildCache.get(key);
  if (entry === undefined || entry.size === size) return;
  context.store.transaction(() => context.store.buildCache.put({ ...entry, size }));
}

/** Removes the folders that no entry stands for; at the daemon's start those half made, too. */
export async function collectCacheMounts(context: EngineContext, atStart: boolean): Promise<void> {
  const folder = cachesFolder(context);
  for (const name of await namesIn(folder)) {
    const key = `sha256:${name}`;
    const isKept = isDigest(key) && context.store.buildCache.get(key) !== undefined;
    const isHalfMade = name.startsWith(".");
    if (!isKept && (atStart || !isHalfMade))
      await rm(join(folder, name), { recursive: true, force: true });
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}

async function exists(folder: string): Promise<boolean> {
  return (await readdir(folder).catch(() => undefined)) !== undefined;
}

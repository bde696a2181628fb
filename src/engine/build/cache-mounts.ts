import { chmod, chown, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { FileTree } from "../../domain/build/files.ts";
import type { RunMount, RunOperation } from "../../domain/build/operation.ts";
import { digestHex, isDigest, type Digest } from "../../domain/digest.ts";
import { errnoOf } from "../../kit/errors.ts";
import { never, race } from "../../kit/abort.ts";
import type { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import type { BuildRequest } from "./build.ts";
import { folderSize } from "../system/folder-size.ts";
import type { MountedTree } from "./run-sources.ts";
import { stepKey } from "./step-key.ts";

export type CacheMount = Extract<RunMount, { readonly kind: "cache" }>;

/** Caches of steps, a folder each, named by the hex of their key. */
export function cachesFolder(context: EngineContext): string {
  return join(context.settings.dataRoot, "build", "caches");
}

/**
 * The folders of a step's caches, made where they are missing; in use until the scope ends. `begin` gives the tree
 * that a new one begins with.
 */
export async function openCacheMounts(
  context: EngineContext,
  scope: Scope,
  mounts: readonly CacheMount[],
  begin: (mount: CacheMount) => Promise<MountedTree | null>,
  signal: AbortSignal,
): Promise<ReadonlyMap<CacheMount, string>> {
  const named = [];
  for (const mount of mounts) {
    const tree = await begin(mount);
    named.push({ mount, tree: tree?.files ?? null, name: nameOf(mount, tree?.digest ?? null) });
  }
  // All steps take them in one order: two that want the same ones would wait for each other.
  const inOrder = Map.groupBy(
    named.toSorted((one, other) => (one.name < other.name ? -1 : 1)),
    ({ name }) => name,
  );
  const folders = new Map<CacheMount, string>();
  for (const [name, same] of inOrder) {
    // What one step mounts at two places is one cache.
    const { mount, tree } = same[0]!;
    const folder = await open(context, scope, { mount, tree, name }, signal);
    for (const each of same) folders.set(each.mount, folder);
  }
  return folders;
}

interface NamedCache {
  readonly mount: CacheMount;
  readonly tree: FileTree | null;
  readonly name: Digest;
}

/** As with BuildKit, caches of one id that begin with different content, owner or mode are different ones. */
function nameOf({ id, uid, gid, mode }: CacheMount, beginning: Digest | null): Digest {
  return stepKey(["cache mount", id, uid, gid, mode, beginning]);
}

async function open(
  context: EngineContext,
  scope: Scope,
  cache: NamedCache,
  signal: AbortSignal,
): Promise<string> {
  const key = await claim(context, scope, cache, signal);
  const use = context.builds.use(key);
  scope.defer(() => use[Symbol.dispose]());
  const folder = folderOf(context, key);
  await whileUnchanged(context, key, signal, async () => {
    const isThere = context.store.buildCache.get(key) !== undefined && (await exists(folder));
    // The entry first, so that the folder is nobody's garbage.
    note(context, key, cache.mount, isThere);
    if (!isThere) await make(context, cache.mount, cache.tree, folder, signal);
  });
  scope.defer(async (until) => await measure(context, key, folder, until));
  return folder;
}

function folderOf(context: EngineContext, key: Digest): string {
  return join(cachesFolder(context), digestHex(key));
}

/** Does something with a cache's entry and folder while nobody else makes or removes them. */
async function whileUnchanged(
  context: EngineContext,
  key: Digest,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<void> {
  await context.objectLocks.run(`build cache ${key}`, signal, work);
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

/** Throws away the caches of an id, so that the next step that mounts them begins anew; those that are in use stay. */
export async function dropCacheMounts(
  context: EngineContext,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const { builds, store } = context;
  for (const { key, cacheId } of store.buildCache.list()) {
    if (cacheId !== id) continue;
    await whileUnchanged(context, key, signal, async () => {
      if (builds.isUsed(key)) return;
      store.transaction(() => store.buildCache.delete(key));
      await rm(folderOf(context, key), { recursive: true, force: true });
    });
  }
}

/** The key of a cache that this step may use now, by the rule of its sharing. */
async function claim(
  context: EngineContext,
  scope: Scope,
  { mount: { sharing }, name }: NamedCache,
  signal: AbortSignal,
): Promise<Digest> {
  // Several have the same name where each is one step's alone.
  const keyOf = (number: number): Digest => (number === 0 ? name : stepKey([name, number]));
  const { cacheMounts, privateMounts } = context.builds;
  if (sharing === "shared") return name;
  if (sharing === "private") {
    let number = 0;
    while (privateMounts.has(keyOf(number))) number += 1;
    const key = keyOf(number);
    privateMounts.add(key);
    scope.defer(() => void privateMounts.delete(key));
    return key;
  }
  const { promise: held, resolve: entered } = Promise.withResolvers<void>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const turn = cacheMounts.run(name, signal, async () => {
    entered();
    await ended;
  });
  scope.defer(() => end());
  await race(Promise.race([held, turn]), signal);
  return name;
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
  const taken = { files: tree, path, exclude: [], parents: false, unpack: false };
  const selection = { ...taken, mounted: true } as const;
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
      cacheId: mount.id,
      ...{ parents: [], layers: [], diffIds: [] },
      size: before?.size ?? 0,
      createdAt: before?.createdAt ?? now,
      usedAt: now,
      useCount: (before?.useCount ?? 0) + 1,
    }),
  );
}

/** Never throws: a step that has done its work does not fail for a figure. */
async function measure(
  context: EngineContext,
  key: Digest,
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    const size = await folderSize(folder, signal);
    const entry = context.store.buildCache.get(key);
    if (entry === undefined || entry.size === size) return;
    context.store.transaction(() => context.store.buildCache.put({ ...entry, size }));
  } catch (error) {
    context.log.warn("cache-mount-not-measured", { key, error });
  }
}

/** Removes the folders that no entry stands for; at the daemon's start those half made, too. */
export async function collectCacheMounts(context: EngineContext, atStart: boolean): Promise<void> {
  const folder = cachesFolder(context);
  for (const name of await namesIn(folder)) {
    const drop = (): Promise<void> => rm(join(folder, name), { recursive: true, force: true });
    const key = `sha256:${name}`;
    const isHalfMade = name.startsWith(".");
    if (isDigest(key)) {
      await whileUnchanged(context, key, never, async () => {
        if (context.store.buildCache.get(key) === undefined) await drop();
      });
    } else if (atStart || !isHalfMade) await drop();
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  });
}

/** Whatever else fails must not make a cache that is there begin anew. */
async function exists(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

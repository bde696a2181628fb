import assert from "node:assert/strict";
import { mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BuildCacheEntry } from "../../src/domain/build/cache-entry.ts";
import type { Digest } from "../../src/domain/digest.ts";
import { BuildWork } from "../../src/engine/build/build-work.ts";
import {
  cachesFolder,
  collectCacheMounts,
  dropCacheMounts,
  openCacheMounts,
  type CacheMount,
} from "../../src/engine/build/cache-mounts.ts";
import { findCached } from "../../src/engine/build/build-cache.ts";
import { pruneCache } from "../../src/engine/build/prune.ts";
import type { EngineContext } from "../../src/engine/context.ts";
import { never } from "../../src/kit/abort.ts";
import { KeyedLock } from "../../src/kit/keyed-lock.ts";
import { Scope } from "../../src/kit/scope.ts";

interface Engine {
  readonly context: EngineContext;
  readonly entries: Map<Digest, BuildCacheEntry>;
  readonly warnings: string[];
}

async function engine(context: TestContext): Promise<Engine> {
  const dataRoot = await mkdtemp(join(tmpdir(), "duet-caches-"));
  context.after(() => rm(dataRoot, { recursive: true, force: true }));
  const entries = new Map<Digest, BuildCacheEntry>();
  const warnings: string[] = [];
  const made = {
    settings: { dataRoot },
    log: { warn: (event: string) => void warnings.push(event) },
    builds: new BuildWork(),
    objectLocks: new KeyedLock(),
    contexts: { list: () => [] },
    collection: { collect: async () => 0 },
    store: {
      transaction: (work: () => void) => work(),
      images: { list: () => [] },
      buildCache: {
        get: (key: Digest) => entries.get(key),
        list: () => [...entries.values()],
        put: (entry: BuildCacheEntry) => void entries.set(entry.key, entry),
        delete: (key: Digest) => void entries.delete(key),
      },
    },
  };
  return { context: made as unknown as EngineContext, entries, warnings };
}

function cache(id: string, more: Partial<CacheMount> = {}): CacheMount {
  return {
    ...{ kind: "cache", id, target: `/${id}`, sharing: "locked", readonly: false },
    ...{ from: null, source: "", mode: 0o755, uid: 0, gid: 0 },
    ...more,
  };
}

/** Opens caches as a step does; what waits for ever fails. */
async function opened(
  { context }: Engine,
  scope: Scope,
  ...mounts: readonly CacheMount[]
): Promise<readonly string[]> {
  const none = async (): Promise<null> => null;
  const signal = AbortSignal.timeout(20_000);
  const folders = await openCacheMounts(context, scope, mounts, none, signal);
  return mounts.map((mount) => folders.get(mount)!);
}

test("a cache that a step mounts at two places is one, though nobody else may have it", async (t) => {
  const made = await engine(t);
  await using scope = new Scope();
  const [one, other] = await opened(made, scope, cache("a"), cache("a", { target: "/b" }));
  assert.equal(one, other);
});

test("steps that want the same caches in another order don't wait for each other for ever", async (t) => {
  const made = await engine(t);
  const [first, second] = [new Scope(), new Scope()];
  const names = ["a", "b", "c"];
  const opening = [
    opened(made, first, ...names.map((id) => cache(id))).then(() => first),
    opened(made, second, ...names.toReversed().map((id) => cache(id))).then(() => second),
  ];
  const ready = await Promise.race(opening);
  await ready[Symbol.asyncDispose]();
  for (const scope of await Promise.all(opening)) await scope[Symbol.asyncDispose]();
});

test("caches of one id that belong to different owners are different ones", async (t) => {
  const made = await engine(t);
  await using scope = new Scope();
  const [one, other] = await opened(made, scope, cache("a"), cache("a", { mode: 0o700 }));
  assert.notEqual(one, other);
  assert.equal((await stat(other!)).mode & 0o777, 0o700);
});

test("all caches of an id are thrown away, also those of steps that had one alone", async (t) => {
  const made = await engine(t);
  const mount = cache("a", { sharing: "private" });
  {
    await using scope = new Scope();
    const folders = [...(await opened(made, scope, mount)), ...(await opened(made, scope, mount))];
    assert.equal(new Set(folders).size, 2);
    made.entries.delete([...made.entries.keys()][0]!);
  }
  await opened(made, new Scope(), cache("b"));
  await dropCacheMounts(made.context, "a", never);
  await collectCacheMounts(made.context, false);
  assert.deepEqual(
    [...made.entries.values()].map(({ cacheId }) => cacheId),
    ["b"],
  );
  assert.equal((await readdir(cachesFolder(made.context))).length, 1);
});

test("a cache that cannot be looked at fails its step and is not begun anew; one that is gone is", async (t) => {
  const made = await engine(t);
  const open = async (): Promise<string> => {
    await using scope = new Scope();
    return (await opened(made, scope, cache("a")))[0]!;
  };
  const folder = await open();
  await writeFile(join(folder, "file"), "content");
  await rename(folder, `${folder}.aside`);
  await symlink(folder, folder);
  await assert.rejects(open(), { code: "ELOOP" });
  await rm(folder);
  await rename(`${folder}.aside`, folder);
  await open();
  assert.deepEqual(await readdir(folder), ["file"]);
  await rm(folder, { recursive: true });
  await open();
  assert.deepEqual(await readdir(folder), []);
});

test("a step does not fail where its cache cannot be measured", async (t) => {
  const made = await engine(t);
  {
    await using scope = new Scope();
    const [folder] = await opened(made, scope, cache("a"));
    await writeFile(join(folder!, "file"), "content");
    made.context.store.buildCache.put = () => assert.fail("the disk is full");
  }
  assert.deepEqual(made.warnings, ["cache-mount-not-measured"]);
});

const everything = {
  ...{ filters: [], all: true, unusedFor: null },
  ...{ reservedSpace: 0, maximumUsedSpace: 0, minimumFreeSpace: 0 },
};

test("what a build comes to while a prune chooses stays, with its folder", async (t) => {
  const made = await engine(t);
  {
    await using before = new Scope();
    await opened(made, before, cache("a"), cache("b"));
  }
  const [used] = [...made.entries.keys()];
  // Told after the entries: whether one is in use has been looked at by then.
  made.context.contexts.list = () => {
    made.context.builds.use(used!);
    return [];
  };
  const { deleted } = await pruneCache(made.context, everything, never);
  assert.equal(deleted.length, 1);
  assert.deepEqual([...made.entries.keys()], [used]);
  assert.equal((await readdir(cachesFolder(made.context))).length, 1);
});

test("an entry's layers are held while it is looked at whether they are all there", async (t) => {
  const { context, entries } = await engine(t);
  const key = `sha256:${"1".repeat(64)}` as const;
  const layer = { mediaType: "", digest: key, size: 1 };
  const about = { key, kind: "regular", description: "", parents: [], size: 1 } as const;
  const times = { createdAt: 0, usedAt: 0, useCount: 0 };
  entries.set(key, { ...about, ...times, layers: [layer], diffIds: [key] });
  const held: string[] = [];
  const directory = { has: async () => held.push("looked at") > 0 };
  const looked = { ...context, snapshotters: { directory } } as unknown as EngineContext;
  assert.ok(await findCached(looked, key, () => void held.push("held")));
  assert.deepEqual(held, ["held", "looked at"]);
});

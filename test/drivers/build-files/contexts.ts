import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { type TestContext } from "node:test";
import type {
  ContextEntry,
  ContextName,
  ContextStore,
  ContextTree,
} from "../../../src/domain/build/files.ts";
import { openContextStore } from "../../../src/drivers/build-files/context-store.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";
import { treeOf } from "./trees.ts";

export async function storeIn(
  directory: string,
  limits = {},
  memory: { readonly heldEntries?: number } = {},
): Promise<ContextStore> {
  const options = { directory, binary: rootfsBinary, log: silentLog, limits };
  return await openContextStore({ ...options, ...memory });
}

export function named(key: string): ContextName {
  return { key, kind: "source.local", description: "local source for context" };
}

export function contextsIn(directory: string): string[] {
  return readdirSync(directory).filter((name) => name !== "boot");
}

export function entry(
  path: string,
  mode: number,
  changes: Partial<ContextEntry> = {},
): ContextEntry {
  const none = Buffer.alloc(0);
  const base = { uid: 0, gid: 0, size: 0, modifiedAt: 1_000_000_001n, link: none, attributes: [] };
  return { ...base, path: Buffer.from(path), mode, ...changes };
}

export async function* bytes(content: string | Buffer): AsyncGenerator<Buffer, void, void> {
  yield Buffer.from(content as string);
}

export function tarOf(context: TestContext, script: string): AsyncIterable<Buffer> {
  const { folder } = treeOf(context, script);
  const tar = execFileSync("tar", ["-C", folder, "-cf", "-", "."], { maxBuffer: 64 << 20 });
  return (async function* () {
    for (let at = 0; at < tar.length; at += 10_000) yield tar.subarray(at, at + 10_000);
  })();
}

export async function folderOf(context: ContextTree): Promise<string> {
  const { mounts } = await context.files(never);
  return mounts[0]!.source;
}

import { constants } from "node:fs";
import type { ContextChange, ContextEntry, ContextTree } from "../../../domain/build/files.ts";
import { isRegularFile, receiveFolder, type FolderRequest } from "./receive.ts";
import type { Session } from "./session.ts";

/**
 * Makes a tree what the client's folder is; only files that differ in what stat(2) says are sent.
 * Throws as `receiveFolder` does; then the tree is empty.
 */
export async function syncFolder(
  session: Session,
  request: FolderRequest,
  tree: ContextTree,
  onBytes: (bytes: number) => void,
  signal: AbortSignal,
): Promise<void> {
  await using held = new AsyncDisposableStack();
  let change: ContextChange | undefined;
  let links: readonly ContextEntry[] = [];
  let isAsListed = true;
  const sizes = new Map<Buffer, number>();
  const list = await receiveFolder(
    session,
    request,
    {
      isKnown: (told) => told === tree.list,
      begin: async (entries) => {
        const before = new Map(
          (await tree.entries(signal)).map((entry) => [keyOf(entry.path), entry]),
        );
        change = held.use(await tree.change(signal));
        const needed = await prepare(change, before, entries);
        links = needed.links;
        for (const { path, size } of needed.files) sizes.set(path, size);
        return needed.files;
      },
      file: async (entry, content) => {
        // One that changed while it was sent is not what the list says.
        isAsListed &&= sizes.get(entry.path) === entry.size;
        await change?.putFile(entry, content);
      },
      end: async () => {
        for (const link of links) await change?.put(link);
      },
    },
    onBytes,
    signal,
  );
  await change?.commit(isAsListed ? list : null);
}

function keyOf(path: Buffer): string {
  return path.toString("latin1");
}

/** `before` has folders before their content. Removes what is gone, makes what has no content, and gives the files whose content is needed. */
async function prepare(
  change: ContextChange,
  before: ReadonlyMap<string, ContextEntry>,
  entries: readonly ContextEntry[],
): Promise<{ readonly files: readonly ContextEntry[]; readonly links: readonly ContextEntry[] }> {
  const now = new Map(entries.map((entry) => [keyOf(entry.path), entry]));
  const removed = new Set<string>();
  for (const [key, old] of before) {
    const next = now.get(key);
    const isBelow = removed.has(folderOf(key));
    if (!isBelow && next !== undefined && kindOf(next) === kindOf(old)) continue;
    if (!isBelow) await change.remove(old.path);
    removed.add(key);
  }
  const isChanged = (entry: ContextEntry): boolean => {
    const key = keyOf(entry.path);
    const old = before.get(key);
    return old === undefined || removed.has(key) || !isSame(old, entry);
  };
  const changed = entries.filter(isChanged);
  const files = changed.filter(isRegularFile);
  for (const entry of changed) {
    if (!isRegularFile(entry) && !isHardLink(entry)) await change.put(entry);
  }
  const sent = new Set(files.map(({ path }) => keyOf(path)));
  const links = entries.filter(
    (entry) => isHardLink(entry) && (sent.has(keyOf(entry.link)) || isChanged(entry)),
  );
  return { files, links };
}

function folderOf(key: string): string {
  return key.slice(0, Math.max(0, key.lastIndexOf("/")));
}

function kindOf({ mode }: ContextEntry): number {
  return mode & constants.S_IFMT;
}

function isHardLink(entry: ContextEntry): boolean {
  return kindOf(entry) === constants.S_IFREG && entry.link.length > 0;
}

function isSame(one: ContextEntry, other: ContextEntry): boolean {
  const isFolder = kindOf(one) === constants.S_IFDIR;
  return (
    one.mode === other.mode &&
    one.uid === other.uid &&
    one.gid === other.gid &&
    (isHardLink(other) || one.size === other.size) &&
    (isFolder || one.modifiedAt === other.modifiedAt) &&
    one.link.equals(other.link)
  );
}

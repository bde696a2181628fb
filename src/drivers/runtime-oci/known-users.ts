import { readdir } from "node:fs/promises";
import type { Mount } from "../../domain/mount.ts";
import type { UserLookup } from "../../domain/rootfs.ts";
import { race } from "../../kit/abort.ts";

const mostKept = 256;

/**
 * Users that were looked up in roots to which nothing was written yet: what is below never changes, and one image's
 * containers and steps mostly run as one user. A failure is not remembered.
 */
export class KnownUsers {
  private readonly kept = new Map<string, Promise<UserLookup | undefined>>();

  /** What `look` gives, or gave for the same `words` in a root of the same layers. */
  async of(
    mounts: readonly Mount[],
    words: readonly string[],
    signal: AbortSignal,
    look: () => Promise<UserLookup>,
  ): Promise<UserLookup> {
    const layers = await unwritten(mounts);
    if (layers === undefined) return await look();
    const key = JSON.stringify([layers, words]);
    const before = this.kept.get(key);
    if (before !== undefined) {
      // Another's failure may be its own signal's.
      const found = await race(
        before.catch(() => undefined),
        signal,
      );
      if (found !== undefined) return found;
    }
    const looking = look();
    // What was written to the root meanwhile is for this one alone.
    const sharing = looking.then(async (found) =>
      (await unwritten(mounts)) === layers ? found : undefined,
    );
    this.keep(key, sharing);
    try {
      return await looking;
    } finally {
      const shared = await sharing.catch(() => undefined);
      if (shared === undefined && this.kept.get(key) === sharing) this.kept.delete(key);
    }
  }

  private keep(key: string, looking: Promise<UserLookup | undefined>): void {
    this.kept.delete(key);
    this.kept.set(key, looking);
    const [oldest] = this.kept.keys();
    if (this.kept.size > mostKept && oldest !== undefined) this.kept.delete(oldest);
  }
}

/** The layers below an overlay whose own is empty; undefined for any other root. */
async function unwritten([root, ...others]: readonly Mount[]): Promise<string | undefined> {
  if (root?.type !== "overlay" || others.length > 0) return undefined;
  const option = (name: string): string | undefined =>
    root.options.find((one) => one.startsWith(name))?.slice(name.length);
  const [lower, upper] = [option("lowerdir="), option("upperdir=")];
  if (lower === undefined || upper === undefined) return undefined;
  return (await readdir(upper)).length === 0 ? lower : undefined;
}

import { statfs } from "node:fs/promises";
import { setInterval } from "node:timers/promises";
import type { RootKind } from "../../domain/snapshot.ts";
import { canceled } from "../../kit/abort.ts";
import { isDuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { StoreRoom } from "../images/store-room.ts";

/** A writable root of a step. */
export interface StepRootName {
  readonly kind: RootKind;
  readonly name: string;
}

const lookMilliseconds = 200;
/** Of the limit, what may be written unseen before a step's root is measured again. */
const leastShare = 64;

/**
 * Does a step's work on its root, and ends it where the root grows beyond the daemon's limit for images: while it is
 * written, and for certain at the end. Throws `exhausted` STORE_LIMIT. Costs nothing without a limit.
 */
export async function withinRoom<T>(
  context: EngineContext,
  root: StepRootName,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (context.settings.storeLimit === 0) return await work(signal);
  const done = new AbortController();
  const full = new AbortController();
  const watching = watch(context, root, done.signal).catch((error: unknown) => full.abort(error));
  try {
    const result = await work(AbortSignal.any([signal, full.signal]));
    await measure(context, root);
    return result;
  } catch (error) {
    throw full.signal.aborted ? full.signal.reason : error;
  } finally {
    done.abort(canceled("the step is done"));
    await watching;
  }
}

/**
 * Throws once the root is too large. A root is measured by reading all of it, so that is done only after its file
 * system has lost a good part of what was left; who else frees space there meanwhile does not count against that.
 */
async function watch(
  context: EngineContext,
  root: StepRootName,
  ended: AbortSignal,
): Promise<void> {
  const { dataRoot, storeLimit } = context.settings;
  let left = await measure(context, root);
  let free = await freeBytes(dataRoot);
  let lost = 0;
  for await (const _ of ticks(ended)) {
    const now = await freeBytes(dataRoot);
    lost += Math.max(0, free - now);
    free = now;
    if (lost < Math.max(left / 2, storeLimit / leastShare)) continue;
    lost = 0;
    left = await measure(context, root).catch(onlyWhereFull(left));
  }
}

async function* ticks(ended: AbortSignal): AsyncGenerator<void, void, void> {
  try {
    yield* setInterval(lookMilliseconds, undefined, { signal: ended, ref: false });
  } catch (error) {
    if (!ended.aborted) throw error;
  }
}

/** What changes while it is read may not be read to the end; the next look, or that at the end, will. */
function onlyWhereFull(left: number): (error: unknown) => number {
  return (error) => {
    if (isDuetError(error, "exhausted")) throw error;
    return left;
  };
}

async function freeBytes(folder: string): Promise<number> {
  const { bfree, bsize } = await statfs(folder);
  return bfree * bsize;
}

/** Notes how much the root holds. Bytes that are left then for it and everything else. */
async function measure(context: EngineContext, { kind, name }: StepRootName): Promise<number> {
  const { builds, snapshotters, storeClaims } = context;
  const bytes = await snapshotters[kind].usage(name);
  storeClaims.grew(bytes - (builds.written.get(name) ?? 0));
  builds.written.set(name, bytes);
  using room = await StoreRoom.for(context);
  return room.left;
}

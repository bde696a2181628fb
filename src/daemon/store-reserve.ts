import { existsSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Durability, StateStore } from "../domain/store.ts";
import { isDuetError } from "../kit/errors.ts";

const reserveBytes = 1 << 20;
/** So much must be free before the reserve is laid aside again. */
const plentyBytes = 4 * reserveBytes;

/**
 * The store with a file set aside beside it, given up when the disk is full: the end of a container
 * and its removal must be recorded then of all times, since they are what makes room. The work of a
 * transaction may run twice.
 */
export function withReserve(store: StateStore, path: string): StateStore {
  const layAside = (): void => {
    if (existsSync(path)) return;
    try {
      const { bavail, bsize } = statfsSync(dirname(path));
      if (bavail * bsize >= plentyBytes) writeFileSync(path, Buffer.alloc(reserveBytes));
    } catch {
      rmSync(path, { force: true });
    }
  };
  layAside();
  let isSpent = false;
  const transaction = <T>(work: () => T, durability?: Durability): T => {
    try {
      const result = store.transaction(work, durability);
      if (isSpent) {
        layAside();
        isSpent = !existsSync(path);
      }
      return result;
    } catch (error) {
      if (!isDuetError(error) || error.code !== "NO_SPACE" || !existsSync(path)) throw error;
      rmSync(path, { force: true });
      isSpent = true;
      return store.transaction(work, durability);
    }
  };
  return {
    containers: store.containers,
    images: store.images,
    imageNames: store.imageNames,
    networks: store.networks,
    volumes: store.volumes,
    buildCache: store.buildCache,
    get salvaged() {
      return store.salvaged;
    },
    transaction,
    close: () => store.close(),
  };
}

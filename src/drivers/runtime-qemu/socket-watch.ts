import { watch } from "node:fs";
import { access } from "node:fs/promises";

/** Resolves when all `paths`, which will be made in `folder`, exist. Watches the folder; never polls. */
export async function whenSocketIn(
  folder: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const check = async (): Promise<void> => {
    const found = await Promise.all(
      paths.map((path) =>
        access(path).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (found.every(Boolean)) resolve();
  };
  const watcher = watch(folder, () => void check());
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  promise.catch(() => undefined);
  try {
    await check();
    await promise;
  } finally {
    watcher.close();
    signal.removeEventListener("abort", abort);
  }
}

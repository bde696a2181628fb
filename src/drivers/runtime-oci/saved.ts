import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { UserLookup } from "../../domain/rootfs.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import { errnoOf } from "../../kit/errors.ts";

/** What a later daemon needs to know of a workload that runs. Lies in the run directory: gone after a reboot. */
export interface SavedWorkload {
  readonly spec: Omit<WorkloadSpec, "files" | "annotations">;
  readonly cgroupPath: string;
  readonly bounding: readonly string[];
  readonly user: UserLookup;
}

const fileName = "workload.json";

export async function saveWorkload(saved: SavedWorkload): Promise<void> {
  const { files: _files, annotations: _annotations, ...spec } = saved.spec as WorkloadSpec;
  const path = join(spec.runDirectory, fileName);
  await writeFile(path, JSON.stringify({ ...saved, spec }), { mode: 0o600 });
}

/** undefined where there is none, or a crash cut it short. */
export async function readSavedWorkload(runDirectory: string): Promise<SavedWorkload | undefined> {
  try {
    return JSON.parse(await readFile(join(runDirectory, fileName), "utf8")) as SavedWorkload;
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

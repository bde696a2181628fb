import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DuetError, errnoOf, reasonOf } from "../kit/errors.ts";

/** Makes the folder that a setting names, and those above it. Throws `invalid` FOLDER_UNUSABLE. */
export async function makeSettingsFolder(
  setting: string,
  path: string,
  {
    mode,
    exact,
  }: { readonly mode: number; /** Also of one that is there. */ readonly exact: boolean },
): Promise<void> {
  try {
    await makeFolder(path, mode);
    const isFolder = (await stat(path)).isDirectory();
    if (isFolder && exact) await chmod(path, mode);
    if (isFolder) return;
  } catch (error) {
    throw unusable(setting, path, reasonOf(error) ?? "it cannot be made", error);
  }
  throw unusable(setting, path, "it is no folder");
}

/** Node's own way for whole paths never ends where the kernel lets nothing be made, as in /proc. */
async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return;
    if (errnoOf(error) !== "ENOENT" || dirname(path) === path) throw error;
    await makeFolder(dirname(path), 0o755);
    await mkdir(path, { mode });
  }
}

function unusable(setting: string, path: string, why: string, cause?: unknown): DuetError {
  return new DuetError(
    "invalid",
    "FOLDER_UNUSABLE",
    `cannot use the ${setting}: ${why} · ${path}`,
    {
      cause,
      hint: "name a folder on a disk that can be written to",
    },
  );
}

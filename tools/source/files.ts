import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A file of the project, read. */
export interface SourceFile {
  /** Relative to the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** Made by tools, not written; relative to the project. */
const skippedFolders = new Set([".git", "node_modules", "dist", "build", "coverage"]);

/** Paths of all files below `root` that belong to the project, sorted. */
export async function listFiles(root: string): Promise<string[]> {
  return (await listFolder(root, "")).toSorted();
}

export function readSources(root: string, paths: readonly string[]): Promise<SourceFile[]> {
  return Promise.all(
    paths.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })),
  );
}

async function listFolder(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory())
        return skippedFolders.has(path) || entry.name === "node_modules"
          ? []
          : listFolder(root, path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return nested.flat();
}

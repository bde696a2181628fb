import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";

/** A file of the project, read. */
export interface SourceFile {
  /** Relative to the project, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

const skippedFolders = new Set([".git", "node_modules", "dist", "build", "coverage"]);

/** Reads every file below `root` whose path `wanted` accepts, sorted by path. */
export async function readSources(
  root: string,
  wanted: (path: string) => boolean,
): Promise<SourceFile[]> {
  const paths = await listFiles(root, "");
  const chosen = paths.filter(wanted).toSorted();
  return Promise.all(
    chosen.map(async (path) => ({ path, text: await readFile(join(root, path), "utf8") })),
  );
}

async function listFiles(root: string, folder: string): Promise<string[]> {
  const entries = await readdir(join(root, folder), { withFileTypes: true });
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) return skippedFolders.has(entry.name) ? [] : listFiles(root, path);
      return entry.isFile() ? [path] : [];
    }),
  );
  return nested.flat();
}

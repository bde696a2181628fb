import { mkdir, rename, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildImage } from "../../images/build.ts";
import { never } from "../../src/kit/abort.ts";
import type { TestDaemon } from "./daemon.ts";

const cache = join(tmpdir(), "duet-test-images");

/** Path of an archive of a recipe's image, built once a machine. */
export async function imageArchive(name: string): Promise<string> {
  const path = join(cache, `${name}.tar`);
  try {
    await stat(path);
    return path;
  } catch {
    await mkdir(cache, { recursive: true });
  }
  const partial = `${path}.${process.pid}`;
  await buildImage(name, partial, never, () => undefined);
  await rename(partial, path);
  return path;
}

export async function loadImages(daemon: TestDaemon, ...names: string[]): Promise<void> {
  for (const name of names) await daemon.docker("load", "-q", "-i", await imageArchive(name));
}

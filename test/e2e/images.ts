import { imageFile } from "../../images/build.ts";
import { never } from "../../src/kit/abort.ts";
import type { TestDaemon } from "./daemon.ts";

/** Path of an archive of a recipe's image, built once a machine. */
export async function imageArchive(name: string): Promise<string> {
  return await imageFile(name, never);
}

export async function loadImages(daemon: TestDaemon, ...names: string[]): Promise<void> {
  for (const name of names) await daemon.docker("load", "-q", "-i", await imageArchive(name));
}

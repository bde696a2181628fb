import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ImageRecipe, RecipeFile } from "../recipe.ts";
import { DuetError } from "../../src/kit/errors.ts";
import { Scope } from "../../src/kit/scope.ts";
import { run } from "../../src/kit/subprocess.ts";
import { closureOf, downloadPackages, hasApt, hostSource } from "../debian/apt.ts";
import type { FileTree } from "./tree.ts";

/** Where a recipe's own files lie, and what a long step is called. */
export interface FillContext {
  /** The recipe's folder. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly progress: (what: string) => void;
}

/** Downloads the recipe's packages, with the dependencies it follows, and adds their files. */
export async function addPackages(
  tree: FileTree,
  recipe: ImageRecipe,
  context: FillContext,
): Promise<void> {
  if (recipe.packages.length === 0) return;
  if (!hasApt()) {
    throw new DuetError(
      "unsupported",
      "NO_APT",
      `cannot make ${recipe.name} without Debian's apt`,
      {
        hint: "build it on a Debian and load the file here, or pull the image from a registry",
      },
    );
  }
  await using scope = new Scope();
  const names = await closureOf(recipe.packages, recipe.follow, hostSource, context.signal);
  const folder = await mkdtemp(join(tmpdir(), "duet-image-"));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  context.progress(`downloading ${names.join(" ")}`);
  const archives = await downloadPackages(names, folder, hostSource, context.signal);
  for (const archive of archives) {
    const { stdout } = await run("dpkg-deb", ["--fsys-tarfile", archive], {
      signal: context.signal,
      maxOutput: 512 << 20,
    });
    await tree.addPackage(oneChunk(stdout), recipe.omit);
  }
}

/** Adds the recipe's own files: folders, texts, links, copies, and programs compiled static. */
export async function addFiles(
  tree: FileTree,
  files: readonly RecipeFile[],
  context: FillContext,
): Promise<void> {
  for (const file of files) {
    if ("directory" in file) {
      tree.put(file.path, { kind: "directory", mode: file.mode ?? 0o755 });
    } else if ("link" in file) {
      tree.put(file.path, { kind: "symlink", mode: 0o777, target: file.link });
    } else {
      const content = await contentOf(file, context);
      tree.put(file.path, { kind: "file", mode: file.mode ?? 0o644, content });
    }
  }
}

/** A link for each applet of the tree's busybox whose name nothing has taken. */
export async function addApplets(
  tree: FileTree,
  folder: string,
  context: FillContext,
): Promise<void> {
  const program = tree.get("usr/bin/busybox");
  if (folder === "" || program?.kind !== "file") return;
  await using scope = new Scope();
  const place = await mkdtemp(join(tmpdir(), "duet-applets-"));
  scope.defer(() => rm(place, { recursive: true, force: true }));
  const path = join(place, "busybox");
  await writeFile(path, program.content, { mode: 0o755 });
  const { stdout } = await run(path, ["--list"], { signal: context.signal });
  for (const name of stdout.toString("utf8").trim().split("\n")) {
    if (name === "busybox" || tree.get(`usr/bin/${name}`) !== undefined) continue;
    if (tree.get(`usr/sbin/${name}`) !== undefined) continue;
    tree.put(`${folder}/${name}`, { kind: "symlink", mode: 0o777, target: "busybox" });
  }
}

async function contentOf(
  file: Exclude<RecipeFile, { readonly directory: true } | { readonly link: string }>,
  context: FillContext,
): Promise<Buffer> {
  if ("text" in file) return Buffer.from(file.text);
  if ("source" in file) return readFile(join(context.folder, file.source));
  context.progress(`compiling ${file.program}`);
  await using scope = new Scope();
  const place = await mkdtemp(join(tmpdir(), "duet-program-"));
  scope.defer(() => rm(place, { recursive: true, force: true }));
  const output = join(place, "program");
  const flags = ["-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none"];
  await run("musl-gcc", [...flags, "-o", output, join(context.folder, file.program)], {
    signal: context.signal,
  });
  return readFile(output);
}

async function* oneChunk(content: Buffer): AsyncGenerator<Buffer, void, void> {
  yield content;
}

import { spawnSync } from "node:child_process";
import { chmod, link, lutimes, mkdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { archiveOf } from "../../../kit/tar/samples.ts";
import { writtenAt } from "../../builds/project.ts";
import { dockerfileOf, type ArchiveForm, type BuildCase, type Change } from "./build-case.ts";

/** Writes a case's context below an empty folder, with modes, times and links as the case has them. */
export async function placeContext(build: BuildCase, folder: string): Promise<void> {
  const links = build.files.filter(({ kind }) => kind === "same");
  const others = build.files.filter(({ kind }) => kind !== "same");
  for (const file of [...others, ...links]) {
    const place = join(folder, file.path);
    await mkdir(dirname(place), { recursive: true });
    if (file.kind === "folder") await mkdir(place, { recursive: true });
    else if (file.kind === "link") await symlink(file.target, place);
    else if (file.kind === "same") await link(join(folder, file.target), place);
    else await writeFile(place, contentOf(file));
    if (file.kind !== "link" && file.kind !== "same") await chmod(place, file.mode);
  }
  await writeFile(join(folder, "Dockerfile"), dockerfileOf(build));
  if (build.ignored.length > 0) {
    await writeFile(join(folder, ".dockerignore"), `${build.ignored.join("\n")}\n`);
  }
  await setTimes(build, folder);
}

/** Changes one thing of a context that was placed; `mark` is text that no build has seen. */
export async function changeContext(folder: string, change: Change, mark: string): Promise<void> {
  const place = join(folder, change.path);
  const found = await stat(place).catch(() => undefined);
  if (change.how === "remove") await rm(place, { recursive: true, force: true });
  else if (change.how === "time") await lutimes(place, writtenAt + 9, writtenAt + 9).catch(ignore);
  else if (change.how === "mode") await chmod(place, 0o711).catch(ignore);
  else if (change.how === "add" && found?.isDirectory() === true)
    await writeFile(join(place, "added"), mark);
  else if (change.how === "text" && found?.isFile() === true) await writeFile(place, mark);
}

function ignore(): void {}

async function setTimes(build: BuildCase, folder: string): Promise<void> {
  const paths = new Set<string>();
  for (const { path } of build.files) {
    for (let at = path; at !== "." && at !== "/"; at = dirname(at)) paths.add(at);
  }
  const deepestFirst = [...paths].toSorted(
    (one, other) => other.split("/").length - one.split("/").length,
  );
  for (const path of deepestFirst) await lutimes(join(folder, path), writtenAt, writtenAt);
}

function contentOf(
  file: Extract<BuildCase["files"][number], { kind: "file" | "archive" }>,
): Buffer | string {
  return file.kind === "file" ? file.text : packed(archiveOf(file.members), file.form);
}

function packed(archive: Buffer, form: ArchiveForm): Buffer {
  if (form === "plain") return archive;
  if (form === "gzip") return gzipSync(archive);
  if (form === "zstd") return zstdCompressSync(archive);
  const made = spawnSync(form, ["-c"], { input: archive, maxBuffer: 1 << 24 });
  if (made.status !== 0) throw new Error(`${form} does not pack: ${made.stderr?.toString()}`);
  return made.stdout;
}

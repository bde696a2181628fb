import { chmod, lutimes, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { compileIgnore, ignorePatterns } from "../../../src/kit/patterns/ignore.ts";
import { archiveOf, type Sample } from "../../kit/tar/samples.ts";
import { writtenAt, type Project, type ProjectFile } from "./project.ts";

/** Modes that editors and version control give. */
const folderMode = 0o755;
const fileMode = 0o644;

interface Parts {
  readonly link?: string;
  readonly folder?: true;
  readonly mode?: number;
}

function partsOf(file: ProjectFile): Parts {
  return typeof file === "string" ? {} : file;
}

/** All files of a project's context, and the folders that they are in, parents first. */
function members(project: Project): readonly (readonly [string, ProjectFile])[] {
  const files = { ...project.files, Dockerfile: project.dockerfile };
  const folders = new Set<string>();
  for (const path of Object.keys(files)) {
    for (let at = dirname(path); at !== "."; at = dirname(at)) folders.add(at);
  }
  const made = [...folders].map((path): readonly [string, ProjectFile] => [path, { folder: true }]);
  return [...new Map([...made, ...Object.entries(files)])].toSorted(([one], [other]) =>
    one < other ? -1 : 1,
  );
}

function contentOf(file: ProjectFile): Buffer {
  if (typeof file === "string") return Buffer.from(file);
  if (file.tar === undefined) return Buffer.from(file.text ?? "");
  const archive = archiveOf(file.tar);
  return file.gzip === true ? gzipSync(archive, { level: 9 }) : archive;
}

/** Writes a project's files below a folder, with the times and modes that they have. */
export async function writeProject(project: Project, folder: string): Promise<void> {
  const all = members(project);
  for (const [path, file] of all) {
    const place = join(folder, path);
    const { link, folder: isFolder, mode } = partsOf(file);
    if (isFolder === true) await mkdir(place, { recursive: true });
    else if (link === undefined) await writeFile(place, contentOf(file));
    else await symlink(link, place);
    if (link === undefined) await chmod(place, mode ?? (isFolder === true ? folderMode : fileMode));
  }
  for (const [path] of all.toReversed()) await lutimes(join(folder, path), writtenAt, writtenAt);
}

/** What a client sends of a project: its files without those that it ignores. */
export function projectArchive(project: Project): Buffer {
  const matcher = compileIgnore(ignorePatterns(contentOf(project.files[".dockerignore"] ?? "")));
  const all = members(project);
  const wanted = (path: string): boolean =>
    path === "Dockerfile" || path === ".dockerignore" || !matcher.ignores(path);
  const holdsWanted = (path: string): boolean =>
    all.some(([other]) => other.startsWith(`${path}/`) && wanted(other));
  const kept = all.filter(
    ([path, file]) => wanted(path) || (partsOf(file).folder === true && holdsWanted(path)),
  );
  return archiveOf(
    kept.map(([path, file]): Sample => {
      const { link, folder, mode } = partsOf(file);
      const common = { name: path, modifiedSeconds: writtenAt };
      if (folder === true) return { ...common, kind: "directory", mode: mode ?? folderMode };
      if (link !== undefined) return { ...common, kind: "symlink", linkName: link, mode: 0o777 };
      return { ...common, kind: "file", mode: mode ?? fileMode, data: contentOf(file) };
    }),
  );
}

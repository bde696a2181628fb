import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isDirectory, isSymlink } from "../../client/path-stat.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Context } from "../command.ts";
import { refuseTerminal } from "../output-file.ts";
import { printable } from "../report-error.ts";
import { writeOut } from "../terminal/terminal.ts";
import { baseName, parentPath, shapeOf, type Endpoint } from "./endpoints.ts";
import { extractTar } from "./extract.ts";

type ContainerSide = Extract<Endpoint, { kind: "container" }>;

/** `cp CONTAINER:PATH DEST`: into a folder under its own name, else as DEST, as `cp -r` does. */
export async function copyFromContainer(
  context: Context,
  from: ContainerSide,
  to: Exclude<Endpoint, ContainerSide>,
): Promise<void> {
  const { containers } = context.duet();
  const { signal, terminal, flags } = context;
  if (to.kind === "stream") refuseTerminal(context);
  const path = flags.boolean("follow-link") ? await followLink(context, from) : from.path;
  const { stat: source, body } = await containers.archive(from.container, path, signal);
  if (to.kind === "stream") {
    for await (const bytes of body) if (!(await writeOut(terminal.output, bytes))) return;
    return;
  }
  const shape = shapeOf(path);
  const target = resolve(to.path);
  const existing = await stat(target).catch(() => null);
  const sourceIsFolder = isDirectory(source);
  if (existing === null && shapeOf(to.path).mustBeFolder && !sourceIsFolder)
    throw noSuchFolder(to.path);
  if (existing !== null && !existing.isDirectory() && sourceIsFolder) throw folderOntoFile(to.path);
  const into = existing?.isDirectory() === true;
  if (!into) await requireParent(target);
  const name = into ? (shape.contentOnly ? null : baseName(from.path)) : baseName(target);
  const folder = into ? target : parentPath(target);
  await extractTar(body, Buffer.from(folder), (member) => renamed(member, name), {
    keepOwner: flags.boolean("archive"),
    skipped: (skipped) =>
      terminal.warn(`duet: left out ${printable(skipped)}: not a file, folder or link`),
  });
}

/** The member's name with its first part replaced by `name`, or dropped when that is null. */
function renamed(member: Buffer, name: string | null): Buffer {
  const trimmed = member.subarray(0, 2).toString("latin1") === "./" ? member.subarray(2) : member;
  const slash = trimmed.indexOf("/");
  const rest = slash < 0 ? Buffer.alloc(0) : trimmed.subarray(slash);
  return name === null ? rest : Buffer.concat([Buffer.from(name), rest]);
}

/** The path that a symlink in the container leads to, one step, as Docker's CLI. */
async function followLink(context: Context, from: ContainerSide): Promise<string> {
  const source = await context
    .duet()
    .containers.statPath(from.container, from.path, context.signal);
  if (!isSymlink(source) || source.linkTarget === "") return from.path;
  return source.linkTarget.startsWith("/")
    ? source.linkTarget
    : `${parentPath(from.path)}/${source.linkTarget}`;
}

async function requireParent(target: string): Promise<void> {
  const parent = await stat(parentPath(target)).catch(() => null);
  if (parent?.isDirectory() !== true) throw noSuchFolder(parentPath(target));
}

function noSuchFolder(path: string): DuetError {
  return new DuetError("not-found", "NO_SUCH_FOLDER", `cannot copy · no such folder · ${path}`);
}

function folderOntoFile(path: string): DuetError {
  return new DuetError("conflict", "NOT_A_FOLDER", `cannot copy a folder onto a file · ${path}`);
}

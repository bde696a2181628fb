import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { SharedFolder } from "../../client/build/file-sync.ts";
import { never } from "../../kit/abort.ts";
import { decompress, detectCompression } from "../../kit/decompress.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import type { Scope } from "../../kit/scope.ts";
import { extractTar } from "../copy/extract.ts";
import { usageError } from "../flags.ts";

/** Where a build's files are: folders that the daemon may read, or a URL that it fetches itself. */
export interface BuildSource {
  readonly folders: ReadonlyMap<string, SharedFolder>;
  /** Of the front end. */
  readonly options: ReadonlyMap<string, string>;
  /** For which the daemon keeps what was sent. */
  readonly place: string;
}

const largestDockerfile = 8 << 20;

/** `PATH | URL | -` and `--file`. Throws `invalid` where there is nothing of the kind. */
export async function openSource(
  word: string,
  file: string | undefined,
  input: AsyncIterable<Buffer>,
  scope: Scope,
): Promise<BuildSource> {
  if (word === "-") return await fromInput(file, input, scope);
  if (/^(?:https?|git|ssh):\/\//.test(word) || /^[\w.-]+@[\w.-]+:/.test(word)) {
    const options = new Map([
      ["context", word],
      ...(file === undefined ? [] : [["filename", file] as const]),
    ]);
    return { folders: new Map(), options, place: word };
  }
  return await fromFolder(resolve(word), file, input);
}

async function fromFolder(
  folder: string,
  file: string | undefined,
  input: AsyncIterable<Buffer>,
): Promise<BuildSource> {
  await checkFolder(folder);
  const context = { kind: "folder", path: folder } as const;
  if (file === "-") {
    const content = await readAll(input, largestDockerfile);
    const dockerfile = { kind: "file", name: "Dockerfile", content } as const;
    return sourceOf(folder, context, dockerfile, "Dockerfile");
  }
  /* As Docker has it, --file is relative to where the command runs. */
  const path = resolve(file ?? join(folder, "Dockerfile"));
  const dockerfile = { kind: "folder", path: dirname(path) } as const;
  return sourceOf(folder, context, dockerfile, basename(path));
}

function sourceOf(
  place: string,
  context: SharedFolder | null,
  dockerfile: SharedFolder,
  filename: string,
): BuildSource {
  const folders = new Map([["dockerfile", dockerfile]]);
  if (context !== null) folders.set("context", context);
  return { folders, options: new Map([["filename", filename]]), place };
}

/** A Dockerfile alone, or a tar of a whole context. */
async function fromInput(
  file: string | undefined,
  input: AsyncIterable<Buffer>,
  scope: Scope,
): Promise<BuildSource> {
  const source = input[Symbol.asyncIterator]();
  const parts: Buffer[] = [];
  let size = 0;
  while (size < 512) {
    const next = await source.next();
    if (next.done === true) break;
    parts.push(next.value);
    size += next.value.length;
  }
  const start = Buffer.concat(parts);
  const all = (async function* (): AsyncGenerator<Buffer> {
    yield start;
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      yield next.value;
    }
  })();
  if (!isArchive(start)) {
    if (file !== undefined)
      throw usageError("BUILD_INPUT", "--file goes with a folder, a URL or a tar");
    const content = await readAll(all, largestDockerfile);
    const dockerfile = { kind: "file", name: "Dockerfile", content } as const;
    return sourceOf(
      "-",
      { kind: "file", name: ".dockerignore", content: Buffer.alloc(0) },
      dockerfile,
      "Dockerfile",
    );
  }
  const folder = await mkdtemp(join(tmpdir(), "duet-build-"));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const tar = decompress(all, { signal: never });
  await extractTar(tar, Buffer.from(folder), (name) => name, {
    keepOwner: false,
    skipped: () => undefined,
  });
  const path = resolve(folder, file ?? "Dockerfile");
  const dockerfile = { kind: "folder", path: dirname(path) } as const;
  return sourceOf("-", { kind: "folder", path: folder }, dockerfile, basename(path));
}

function isArchive(start: Buffer): boolean {
  if (detectCompression(start) !== "none") return true;
  return start.length >= 512 && start.subarray(257, 262).toString("latin1") === "ustar";
}

async function checkFolder(folder: string): Promise<void> {
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" && errnoOf(error) !== "ENOTDIR") throw error;
    throw usageError("BUILD_FOLDER", `no folder to build from · ${folder}`);
  }
  throw usageError("BUILD_FOLDER", `not a folder · ${folder}`, "name the Dockerfile with --file");
}

async function readAll(input: AsyncIterable<Buffer>, limit: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of input) {
    size += part.length;
    if (size > limit) {
      throw new DuetError(
        "too-large",
        "DOCKERFILE_TOO_LARGE",
        `the Dockerfile is over ${limit} bytes`,
      );
    }
    parts.push(part);
  }
  return Buffer.concat(parts);
}

/** Standard input as a stream of buffers. */
export function inputBytes(input: NodeJS.ReadableStream): AsyncIterable<Buffer> {
  return input as AsyncIterable<Buffer>;
}

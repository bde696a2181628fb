import { parseGitUrl, type GitSource } from "../../../domain/build/git-url.ts";
import { InstructionFault } from "../../../domain/build/dockerfile-error.ts";
import type { ContextTree } from "../../../domain/build/files.ts";
import { compileIgnore, ignorePatterns } from "../../../kit/patterns/ignore.ts";
import type { BuildSources, FetchedTree } from "../../../domain/build/sources.ts";
import type { GitCommits } from "../../../engine/build/git-commits.ts";
import type { Engine } from "../../../engine/engine.ts";
import { decompress } from "../../../kit/decompress.ts";
import { DuetError, isDuetError } from "../../../kit/errors.ts";
import { invalid, unsupported } from "../failures.ts";

/** A build's files and its Dockerfile. */
export interface ClassicContext {
  readonly tree: ContextTree;
  readonly dockerfile: Buffer;
}

const largestDockerfile = 16 << 20;
const largestIgnoreFile = 1 << 20;

/** Takes the context from the request's body, and the Dockerfile out of it. */
export async function bodyContext(
  engine: Engine,
  body: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<ClassicContext> {
  return await filled(engine, body, path, signal);
}

/** Fetches what `remote` names: a repository, a tar, or a Dockerfile alone. */
export async function remoteContext(
  engine: Engine,
  { remote, commits }: { readonly remote: string; readonly commits: GitCommits },
  path: string,
  signal: AbortSignal,
): Promise<ClassicContext> {
  const sources = engine.buildSources;
  if (sources === undefined) throw unsupported("this daemon fetches nothing for builds");
  const git = gitSource(remote);
  if (git !== undefined) {
    const clone = (ref: string): Promise<FetchedTree> => cloned(sources, { ...git, ref }, signal);
    return await gitContext(engine, await commits.fetch(git, clone), path, signal);
  }
  if (!/^https?:\/\//.test(remote)) {
    throw invalid(`remoteURL (${remote.slice(0, 200)}) could not be recognized as URL`);
  }
  await using file = await sources.url({ url: remote, checksum: null }, signal);
  if (!file.mediaType.startsWith("text/")) {
    return await filled(engine, file.content(), path, signal);
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of file.content()) {
    size += chunk.length;
    if (size > largestDockerfile) throw invalid("the remote Dockerfile is too large");
    chunks.push(chunk);
  }
  return { tree: await engine.contexts.open(null, signal), dockerfile: Buffer.concat(chunks) };
}

function gitSource(remote: string): GitSource | undefined {
  const url = remote.startsWith("github.com/")
    ? `https://${remote}`.replace(/(?=#|$)/, ".git")
    : "";
  try {
    return parseGitUrl(url === "" ? remote : url);
  } catch (error) {
    if (error instanceof InstructionFault) throw invalid(error.message);
    throw error;
  }
}

async function cloned(
  sources: BuildSources,
  git: GitSource,
  signal: AbortSignal,
): Promise<FetchedTree> {
  const keepGitFolder = git.keepGitFolder ?? false;
  return await sources.git({ ...git, keepGitFolder, authorization: null, sshSocket: null }, signal);
}

async function gitContext(
  engine: Engine,
  fetched: FetchedTree,
  path: string,
  signal: AbortSignal,
): Promise<ClassicContext> {
  try {
    return {
      tree: fetched.tree,
      dockerfile: await readDockerfile(engine, fetched.tree, path, signal),
    };
  } catch (error) {
    await fetched[Symbol.asyncDispose]();
    throw error;
  }
}

async function filled(
  engine: Engine,
  tar: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<ClassicContext> {
  const tree = await engine.contexts.open(null, signal);
  try {
    await tree.fill(wholeBlocks(decompress(tar, { signal })), { owners: "root" }, signal);
    const dockerfile = await readDockerfile(engine, tree, path, signal);
    await removeIgnored(engine, tree, path, signal);
    return { tree, dockerfile };
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

const blockSize = 512;

/** Docker's client ends the archives that it has put a Dockerfile into without filling their last block. */
async function* wholeBlocks(
  tar: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let size = 0;
  for await (const chunk of tar) {
    size += chunk.length;
    yield chunk;
  }
  yield Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
}

async function readDockerfile(
  engine: Engine,
  tree: ContextTree,
  path: string,
  signal: AbortSignal,
): Promise<Buffer> {
  try {
    return await engine.buildFiles.read(tree, path, largestDockerfile, signal);
  } catch (error) {
    if (!isDuetError(error, "not-found")) throw error;
    const message = `Cannot locate specified Dockerfile: ${path.slice(0, 300)}`;
    throw new DuetError("invalid", "DOCKERFILE_MISSING", message, { http: 500, cause: error });
  }
}

/** Clients leave out what is ignored, but for two files that the daemon needs; it removes those itself. */
async function removeIgnored(
  engine: Engine,
  tree: ContextTree,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const ignoreFile = Buffer.from(".dockerignore");
  // Most contexts have none, and asking the tree itself starts a helper.
  const entries = await tree.entries(signal);
  if (!entries.some((entry) => entry.path.equals(ignoreFile))) return;
  let content: Buffer;
  try {
    content = await engine.buildFiles.read(tree, ".dockerignore", largestIgnoreFile, signal);
  } catch (error) {
    // A link that leads nowhere.
    if (isDuetError(error, "not-found")) return;
    throw error;
  }
  const matcher = compileIgnore(ignorePatterns(content));
  const ignored = [".dockerignore", path].filter((each) => matcher.ignores(each));
  if (ignored.length === 0) return;
  await tree.remove(
    ignored.map((each) => Buffer.from(each)),
    signal,
  );
}

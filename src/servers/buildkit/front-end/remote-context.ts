import { InstructionFault } from "../../../domain/build/dockerfile-error.ts";
import type { ContextTree } from "../../../domain/build/files.ts";
import { parseGitUrl, type GitSource } from "../../../domain/build/git-url.ts";
import type { BuildSources } from "../../../domain/build/sources.ts";
import { decompress, detectCompression } from "../../../kit/decompress.ts";
import { DuetError } from "../../../kit/errors.ts";
import { pull } from "../../../spec/buildkit/session.ts";
import type { Job } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import { readSecret } from "../session/secrets.ts";
import type { Session } from "../session/session.ts";
import { openAgent } from "../session/ssh-agent.ts";
import { unsupportedGraph, type GraphSource } from "./graph.ts";
import { runPart } from "./vertex.ts";

/** A context that came from a URL: a folder of files, or only a Dockerfile. */
export type RemoteContext = AsyncDisposable &
  (
    | { readonly kind: "folder"; readonly tree: ContextTree }
    | { readonly kind: "dockerfile"; readonly content: Buffer }
  );

/** Bytes of a Dockerfile, and of an archive that is no tar in sight. */
const maximumDockerfile = 8 << 20;
/** Bytes of a context, unpacked. */
const maximumContext = 64 * 2 ** 30;

/** What the client pushes itself is asked for at this host's name. */
const uploadHost = "buildkit-session";

/** Where a context is fetched from. */
export type RemotePlace =
  | { readonly kind: "git"; readonly text: string; readonly git: GitSource }
  | { readonly kind: "url"; readonly text: string };

/** Whether a place is of that kind. Throws `invalid` BUILD_CONTEXT for a repository's URL that cannot be. */
export function isRemote(text: string): boolean {
  return /^https?:\/\//i.test(text) || readGitUrl(text) !== undefined;
}

/** Throws `invalid` BUILD_CONTEXT. */
export function readPlace(text: string): RemotePlace {
  const git = readGitUrl(text);
  if (git !== undefined) return { kind: "git", text, git };
  if (/^https?:\/\//i.test(text)) return { kind: "url", text };
  throw badContext(text);
}

/** The place that a client's graph is of. Throws `unsupported` BUILD_GRAPH for one of no place. */
export function placeOf(source: GraphSource): RemotePlace {
  if (source.kind === "result") throw unsupportedGraph();
  const { url } = source;
  if (source.kind === "http") return { kind: "url", text: url };
  // That it is a repository is known, whatever its name ends in.
  const forced = url.replace(/^(https?:\/\/[^#?]*?)(?:\.git)?\/?(?=[#?]|$)/i, "$1.git");
  const git = readGitUrl(url) ?? readGitUrl(forced);
  if (git === undefined) throw badContext(url);
  return { kind: "git", text: url, git };
}

function readGitUrl(text: string): GitSource | undefined {
  try {
    return parseGitUrl(text);
  } catch (error) {
    if (error instanceof InstructionFault) throw badContext(text, error);
    throw error;
  }
}

/**
 * Fetches a context: an archive that the client uploads, a git repository, an archive or a Dockerfile over HTTP.
 * Throws `unsupported` BUILD_CONTEXT, and as BuildSources does.
 */
export async function loadRemoteContext(
  kit: BuildKit,
  job: Job,
  session: Session,
  place: RemotePlace,
  signal: AbortSignal,
): Promise<RemoteContext> {
  const { text } = place;
  const identity = job.request.reference;
  if (place.kind === "git") {
    const title = `[internal] load git source ${text}`;
    return await runPart(job.progress.tell, title, identity, () =>
      job.commits.fetch(place.git, (ref) =>
        cloneContext(kit, session, { ...place.git, ref }, signal),
      ),
    );
  }
  return await runPart(
    job.progress.tell,
    "[internal] load remote build context",
    `${identity}\0${text}`,
    async () => {
      const url = new URL(text);
      if (url.host === uploadHost) {
        return await fillContext(kit, job.upload ?? upload(session, url, signal), signal);
      }
      await using file = await sourcesOf(kit).url({ url: text, checksum: null }, signal);
      return await fillContext(kit, file.content(), signal);
    },
  );
}

function badContext(text: string, cause?: unknown): DuetError {
  const message = `unable to prepare context: path ${JSON.stringify(text.slice(0, 200))} not found`;
  return new DuetError("invalid", "BUILD_CONTEXT", message, { cause });
}

function sourcesOf(kit: BuildKit): BuildSources {
  const { buildSources } = kit.engine;
  if (buildSources !== undefined) return buildSources;
  throw new DuetError("unsupported", "BUILD_CONTEXT", "this daemon fetches nothing for builds");
}

async function cloneContext(
  kit: BuildKit,
  session: Session,
  git: GitSource,
  signal: AbortSignal,
): Promise<RemoteContext & { readonly commit: string }> {
  const isSsh = !/^https?:/i.test(git.url) && !/^git:/i.test(git.url);
  const agent = isSsh ? await openAgent(kit.agentsFolder, session, "default", signal) : undefined;
  try {
    const fetched = await sourcesOf(kit).git(
      {
        ...git,
        keepGitFolder: git.keepGitFolder ?? false,
        authorization: isSsh ? null : await gitAuthorization(session, git.url, signal),
        sshSocket: agent?.path ?? null,
      },
      signal,
    );
    const dispose = (): Promise<void> => Promise.resolve(fetched[Symbol.asyncDispose]());
    const { tree, commit } = fetched;
    return { kind: "folder", tree, commit, [Symbol.asyncDispose]: dispose };
  } finally {
    await agent?.[Symbol.asyncDispose]();
  }
}

/** Secrets by the names under which BuildKit looks for a repository's. */
async function gitAuthorization(
  session: Session,
  url: string,
  signal: AbortSignal,
): Promise<string | null> {
  const { host } = new URL(url);
  for (const suffix of [`.${host}`, ""]) {
    const header = await readSecret(session, `GIT_AUTH_HEADER${suffix}`, signal);
    if (header !== undefined) return header.toString("utf8").trim();
    const token = await readSecret(session, `GIT_AUTH_TOKEN${suffix}`, signal);
    if (token !== undefined) {
      const pair = `x-access-token:${token.toString("utf8").trim()}`;
      return `basic ${Buffer.from(pair).toString("base64")}`;
    }
  }
  return null;
}

async function* upload(session: Session, url: URL, signal: AbortSignal): AsyncGenerator<Buffer> {
  const call = session.client.open(pull, { urlpath: url.pathname, urlhost: url.host }, signal);
  try {
    for await (const { data } of call.responses) yield Buffer.from(data);
  } finally {
    call.cancel();
  }
}

async function fillContext(
  kit: BuildKit,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<RemoteContext> {
  const iterator = source[Symbol.asyncIterator]();
  try {
    const start = await readHead(iterator);
    const content = wholeOf(start, iterator);
    if (isArchive(start)) return await fillTree(kit, content, signal);
    const dispose = async (): Promise<void> => undefined;
    return { kind: "dockerfile", content: await collect(content), [Symbol.asyncDispose]: dispose };
  } finally {
    await iterator.return?.();
  }
}

async function fillTree(
  kit: BuildKit,
  content: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<RemoteContext> {
  const tar = decompress(content, { limit: maximumContext, signal });
  const tree = await kit.engine.contexts.open(null, signal);
  try {
    await tree.fill(tar, { owners: "root" }, signal);
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
  return {
    kind: "folder",
    tree,
    [Symbol.asyncDispose]: () => Promise.resolve(tree[Symbol.asyncDispose]()),
  };
}

/** By what archives begin with; what is none is a Dockerfile. */
function isArchive(start: Buffer): boolean {
  if (detectCompression(start) !== "none") {
    return true;
  }
  return (
    start.toString("latin1", 257, 262) === "ustar" || start.subarray(0, 1).equals(Buffer.from([0]))
  );
}

const headSize = 512;

async function readHead(source: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let size = 0; size < headSize;) {
    const next = await source.next();
    if (next.done === true) break;
    parts.push(next.value);
    size += next.value.length;
  }
  return Buffer.concat(parts);
}

async function* wholeOf(
  start: Buffer,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  yield start;
  for (;;) {
    const next = await rest.next();
    if (next.done === true) return;
    yield next.value;
  }
}

async function collect(content: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of content) {
    parts.push(part);
    size += part.length;
    if (size <= maximumDockerfile) continue;
    throw new DuetError("too-large", "DOCKERFILE_TOO_LARGE", "the Dockerfile is too large");
  }
  return Buffer.concat(parts);
}

import type { ContextStore } from "../../domain/build/files.ts";
import type { FetchedTree, GitRequest } from "../../domain/build/sources.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import type { TarEntry } from "../../kit/tar/entry.ts";
import { readTar } from "../../kit/tar/reader.ts";
import { writeTar, type TarMember } from "../../kit/tar/writer.ts";
import { fetchUrl } from "./fetch.ts";
import { attributesFile, GitFolder } from "./git-program.ts";
import { parseRemote, pinnedRemote, type Remote } from "./git-remote.ts";
import { reachHost, reachPlace, servingAddress, type ReachRules } from "./reach.ts";
import { readSubmodules } from "./submodules.ts";

const deepestSubmodules = 8;
const mostSubmodules = 200;

export interface GitOptions {
  readonly contexts: ContextStore;
  readonly rules: ReachRules;
}

/** The tree of a commit; one that was fetched before is found again by its commit. */
export async function fetchRepository(
  options: GitOptions,
  request: GitRequest,
  signal: AbortSignal,
): Promise<FetchedTree> {
  let reached: Promise<Remote> | undefined;
  const root = async (): Promise<Remote> =>
    await (reached ??= reachRemote(options, request.url, request, signal));
  const commit = await findCommit(root, request, signal);
  if (request.checksum !== null && !commit.startsWith(request.checksum)) {
    throw new DuetError(
      "invalid",
      "CHECKSUM_MISMATCH",
      `expected checksum to match ${request.checksum}, got ${commit}`,
      { subject: request.url },
    );
  }
  const { keepGitFolder, submodules, subdirectory = "" } = request;
  const identity = [request.url, commit, keepGitFolder, submodules, subdirectory];
  const key = JSON.stringify(["git", ...identity]);
  const description = `git snapshot for ${withoutPassword(request.url)}#${commit}`;
  const name = { key, kind: "source.git.checkout", description } as const;
  const tree = await options.contexts.open(name, signal);
  try {
    if ((await tree.entries(signal)).length === 0) {
      const all = repositoryMembers(options, request, { commit, root }, signal);
      const members = subdirectory === "" ? all : membersBelow(all, subdirectory);
      await tree.fill(writeTar(members), { owners: "root" }, signal);
    }
    return { tree, commit, [Symbol.asyncDispose]: () => tree[Symbol.asyncDispose]() };
  } catch (error) {
    await tree[Symbol.asyncDispose]();
    throw error;
  }
}

/** A URL as people may see it. */
function withoutPassword(url: string): string {
  return url.replace(/^([a-z+]+:\/\/[^/@]*):[^/@]*@/i, "$1:xxxxx@");
}

async function findCommit(
  root: () => Promise<Remote>,
  request: GitRequest,
  signal: AbortSignal,
): Promise<string> {
  const { ref } = request;
  if (/^(?:[\da-f]{40}|[\da-f]{64})$/.test(ref)) return ref;
  const remote = await root();
  await using folder = await GitFolder.make(remote.reach);
  const names = ref === "" ? ["HEAD"] : [ref, `${ref}^{}`];
  const listing = await folder.text(["ls-remote", "--", remote.url, ...names], signal);
  const found = new Map(
    listing.split("\n").flatMap((line): [string, string][] => {
      const [commit = "", name = ""] = line.split("\t");
      return /^[\da-f]{40,64}$/.test(commit) ? [[name, commit]] : [];
    }),
  );
  /* An annotated tag is followed to its commit. */
  const candidates = ref === "" ? ["HEAD"] : [`refs/heads/${ref}`, `refs/tags/${ref}`, ref];
  for (const name of candidates) {
    const commit = found.get(`${name}^{}`) ?? found.get(name);
    if (commit !== undefined) return commit;
  }
  throw new DuetError(
    "not-found",
    "GIT_REF_NOT_FOUND",
    `repository does not contain ref ${JSON.stringify(ref === "" ? "HEAD" : ref)}`,
    { subject: request.url },
  );
}

/** Checks where a URL leads; over HTTP also where its server sends us, since git itself must follow nobody. */
async function reachRemote(
  options: GitOptions,
  url: string,
  request: Pick<GitRequest, "authorization" | "sshSocket">,
  signal: AbortSignal,
): Promise<Remote> {
  const parsed = parseRemote(url);
  const { authorization, sshSocket } = request;
  if (parsed.protocol === "ssh" || parsed.protocol === "git") {
    const { addresses } = await reachHost(parsed.host, null, options.rules, signal);
    return pinnedRemote(url, await servingAddress(addresses, parsed.port, signal), sshSocket);
  }
  const headers = authorization === null ? {} : { authorization };
  const service = "info/refs?service=git-upload-pack";
  const fetched = await fetchUrl(
    `${url.replace(/\/+$/, "")}/${service}`,
    { headers, rules: options.rules },
    signal,
  );
  fetched.end();
  const { href } = fetched.url;
  const moved = href.endsWith(`/${service}`) ? href.slice(0, -service.length - 1) : url;
  const target = parseRemote(moved);
  const { addresses, proxy } = await reachPlace(new URL(moved), null, options.rules, signal);
  const address = addresses.map((each) => (each.includes(":") ? `[${each}]` : each)).join(",");
  const isSame = target.host === parsed.host;
  return {
    url: moved,
    reach: {
      resolved: address === "" ? [] : [`${target.host}:${target.port}:${address}`],
      proxy,
      authorization: isSame ? authorization : null,
      sshSocket: null,
      pinned: null,
    },
  };
}

/** The files of a commit as tar members, with those of its submodules in their folders. */
async function* repositoryMembers(
  options: GitOptions,
  request: GitRequest,
  { commit, root }: { readonly commit: string; readonly root: () => Promise<Remote> },
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  const waiting = [{ url: request.url, commit, prefix: "", depth: 0 }];
  let count = 0;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    count += 1;
    if (count > mostSubmodules || next.depth > deepestSubmodules) throw tooMany(request.url);
    const isRoot = next.prefix === "";
    const remote = await (isRoot ? root() : reachRemote(options, next.url, noSecrets, signal));
    await using folder = await GitFolder.make(remote.reach);
    await fetchCommit(folder, remote.url, next.commit, isRoot ? request.ref : "", signal);
    yield* archived(folder, next.commit, next.prefix, signal);
    if (isRoot && request.keepGitFolder) yield* gitFolder(folder, next.commit, signal);
    if (!request.submodules) continue;
    for (const each of await readSubmodules(folder, next.commit, next.url, signal)) {
      const prefix = `${next.prefix}${each.path}/`;
      waiting.push({ url: each.url, commit: each.commit, prefix, depth: next.depth + 1 });
    }
  }
}

/** Members in a folder, by their names below it. A link in the place of the folder has none, wherever it leads. */
async function* membersBelow(
  members: AsyncIterable<TarMember>,
  subdirectory: string,
): AsyncGenerator<TarMember, void, void> {
  const prefix = Buffer.from(`${subdirectory}/`);
  let isThere = false;
  for await (const { header, ...content } of members) {
    if (!header.name.subarray(0, prefix.length).equals(prefix)) continue;
    isThere = true;
    yield { header: { ...header, name: header.name.subarray(prefix.length) }, ...content };
  }
  if (isThere) return;
  throw new DuetError(
    "not-found",
    "SUBDIRECTORY_NOT_FOUND",
    `the repository has no folder ${JSON.stringify(subdirectory.slice(0, 200))} with files`,
  );
}

/** What a stranger's .gitmodules names gets no credentials. */
const noSecrets = { authorization: null, sshSocket: null };

/** Fetches one commit alone; servers that give none by its name are asked for the ref, then for everything. */
async function fetchCommit(
  folder: GitFolder,
  url: string,
  commit: string,
  ref: string,
  signal: AbortSignal,
): Promise<void> {
  await folder.init(signal);
  const fetch = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules"];
  const tries = [
    [...fetch, "--depth=1", "--", url, commit],
    ...(ref === "" || ref === commit ? [] : [[...fetch, "--depth=1", "--", url, ref]]),
    [...fetch, "--", url, "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"],
  ];
  let last: unknown;
  for (const words of tries) {
    try {
      await folder.text(words, signal);
      await folder.text(["cat-file", "-e", `${commit}^{commit}`], signal);
      return;
    } catch (error) {
      if (!isDuetError(error, "unavailable") || error.code !== "GIT_FAILED") throw error;
      last = error;
    }
  }
  throw last;
}

/** Files as a checkout would write them. */
async function* archived(
  folder: GitFolder,
  commit: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  const words = ["-c", "tar.umask=0022", "archive", "--format=tar", "--end-of-options", commit];
  for await (const entry of readTar(folder.output(words, signal))) {
    const name = Buffer.concat([Buffer.from(prefix), entry.name]);
    yield memberOf(entry, name);
  }
}

/** Ours, and what tells from where its last commit came; BuildKit leaves that out, too. */
const notOfRepository: ReadonlySet<string> = new Set([attributesFile, ".git/FETCH_HEAD"]);

async function* gitFolder(
  folder: GitFolder,
  commit: string,
  signal: AbortSignal,
): AsyncGenerator<TarMember, void, void> {
  await folder.text(["update-ref", "--no-deref", "HEAD", commit], signal);
  await folder.text(["read-tree", commit], signal);
  for await (const entry of readTar(folder.pack(".git", signal))) {
    if (notOfRepository.has(entry.name.toString("utf8"))) continue;
    yield memberOf(entry, entry.name);
  }
}

function memberOf(entry: TarEntry, name: Buffer): TarMember {
  const header = { ...entry, name };
  return entry.kind === "file" ? { header, content: entry.content() } : { header };
}

function tooMany(url: string): DuetError {
  return new DuetError(
    "invalid",
    "GIT_SOURCE_INVALID",
    `${url} has over ${mostSubmodules} submodules, or over ${deepestSubmodules} levels of them`,
  );
}

import { posix } from "node:path";
import type { ContextTree } from "../../domain/build/files.ts";
import type { CopySource } from "../../domain/build/operation.ts";
import type { BuildSources, FetchedTree } from "../../domain/build/sources.ts";
import type { Digest } from "../../domain/digest.ts";
import { DuetError } from "../../kit/errors.ts";
import type { BuildClient } from "./build.ts";
import { GitCommits } from "./git-commits.ts";

/** A file that comes from elsewhere than a tree. */
export interface RemoteFile {
  readonly name: string;
  readonly digest: Digest;
  readonly content: () => AsyncIterable<Uint8Array>;
  /** Bytes. */
  readonly size: number;
  readonly mode: number;
  /** Milliseconds since the epoch. */
  readonly modifiedAt: number;
  readonly unpack: boolean;
}

type UrlSource = Extract<CopySource, { readonly kind: "url" }>;
type GitSource = Extract<CopySource, { readonly kind: "git" }>;

/** Docker gives what it has fetched to its owner alone. */
const fetchedMode = 0o600;

/** What ADD fetches for one build; it is kept until the build ends. */
export class RemoteFiles implements AsyncDisposable {
  private readonly sources: BuildSources | undefined;
  private readonly client: BuildClient;
  private readonly commits: GitCommits;
  private readonly held = new AsyncDisposableStack();

  constructor(sources: BuildSources | undefined, client: BuildClient) {
    this.sources = sources;
    this.client = client;
    this.commits = client.commits ?? new GitCommits();
  }

  async url(source: UrlSource, signal: AbortSignal): Promise<RemoteFile> {
    const { url, checksum, unpack } = source;
    const file = this.held.use(await this.demand().url({ url, checksum }, signal));
    const { digest, size, modifiedAt } = file;
    const content = (): AsyncIterable<Uint8Array> => file.content();
    return { name: nameOf(url), digest, content, size, mode: fetchedMode, modifiedAt, unpack };
  }

  async git(source: GitSource, signal: AbortSignal): Promise<ContextTree> {
    const clone = (ref: string): Promise<FetchedTree> => this.clone(source, ref, signal);
    return (await this.commits.fetch(source, clone)).tree;
  }

  private async clone(source: GitSource, ref: string, signal: AbortSignal): Promise<FetchedTree> {
    const { url, checksum, keepGitFolder, submodules } = source;
    const socket = isSsh(url) ? await this.client.ssh("default", signal) : undefined;
    if (socket !== undefined) this.held.use(socket);
    const request = {
      ...{ url, ref, checksum, keepGitFolder, submodules },
      ...{ authorization: null, sshSocket: socket?.path ?? null },
    };
    return this.held.use(await this.demand().git(request, signal));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.held.disposeAsync();
  }

  private demand(): BuildSources {
    if (this.sources !== undefined) return this.sources;
    throw new DuetError("unsupported", "NO_REMOTE_SOURCES", "this engine fetches no remote files");
  }
}

/** The last component of the URL's path. */
function nameOf(url: string): string {
  const name = posix.basename(new URL(url).pathname);
  if (name !== "" && name !== "/") return name;
  throw new DuetError("invalid", "URL_INVALID", `cannot determine filename for source URL ${url}`);
}

function isSsh(url: string): boolean {
  return url.startsWith("ssh://") || /^[\w.-]+@[\w.-]+:/.test(url);
}

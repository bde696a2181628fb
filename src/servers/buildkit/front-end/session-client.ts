import { createHash } from "node:crypto";
import type { BuildEvent } from "../../../domain/build/event.ts";
import type { ContextName, ContextTree } from "../../../domain/build/files.ts";
import type { RegistryCredentials } from "../../../domain/registry.ts";
import type { BuildClient } from "../../../engine/build/build.ts";
import type { GitCommits } from "../../../engine/build/git-commits.ts";
import { DuetError } from "../../../kit/errors.ts";
import { fileSync } from "../../../spec/buildkit/file-sync.ts";
import type { Job } from "../control/job.ts";
import type { BuildKit } from "../service.ts";
import { syncFolder } from "../session/context.ts";
import { readCredentials, readSecret } from "../session/secrets.ts";
import type { Session } from "../session/session.ts";
import { openAgent } from "../session/ssh-agent.ts";
import { loadIgnorePatterns } from "./definition.ts";
import type { BuildOptions } from "./options.ts";
import { sourceOf, type GivenContexts } from "./given-contexts.ts";
import {
  loadRemoteContext,
  placeOf,
  readPlace,
  type RemoteContext,
  type RemotePlace,
} from "./remote-context.ts";
import { runPart, TransferStatus } from "./vertex.ts";

/** Vertex of warnings that belong to no step: those of the Dockerfile as a whole. */
const noVertex = `sha256:${"0".repeat(64)}`;

/** Answers a build's questions from the client's session, and tells the client's display what happens. */
export class SessionClient implements BuildClient, AsyncDisposable {
  readonly commits: GitCommits;
  private readonly job: Job;
  private readonly session: Session;
  private readonly options: BuildOptions;
  private readonly kit: BuildKit;
  private readonly inputs: GivenContexts["inputs"];
  private readonly mainIgnore: readonly string[];
  /** The main context, where it was fetched from a URL. */
  private readonly remote: RemoteContext | null;
  /** Trees by what was asked for: builds for several platforms share them. */
  private readonly trees = new Map<string, Promise<ContextTree>>();
  /** Further contexts that were fetched, by name. */
  private readonly fetched = new Map<string, Promise<RemoteContext>>();

  constructor(parts: {
    readonly job: Job;
    readonly session: Session;
    readonly options: BuildOptions;
    readonly kit: BuildKit;
    readonly inputs: GivenContexts["inputs"];
    readonly mainIgnore: readonly string[];
    readonly remote: RemoteContext | null;
  }) {
    this.commits = parts.job.commits;
    this.job = parts.job;
    this.session = parts.session;
    this.options = parts.options;
    this.kit = parts.kit;
    this.inputs = parts.inputs;
    this.mainIgnore = parts.mainIgnore;
    this.remote = parts.remote;
  }

  async context(
    name: string,
    only: readonly string[] | null,
    signal: AbortSignal,
  ): Promise<ContextTree> {
    if (name === "" && this.remote !== null) {
      if (this.remote.kind === "dockerfile") throw missingContext(name);
      return shared(this.remote.tree);
    }
    const place = name === "" ? null : this.placeOf(name);
    if (place !== null) {
      const fetching = this.fetched.get(name) ?? this.fetch(place, signal);
      this.fetched.set(name, fetching);
      const context = await fetching;
      if (context.kind === "dockerfile") throw missingContext(name);
      return shared(context.tree);
    }
    const key = JSON.stringify([name, only]);
    const found = this.trees.get(key) ?? this.receive(name, only, signal);
    this.trees.set(key, found);
    return shared(await found);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const trees = await Promise.allSettled(this.trees.values());
    for (const tree of trees) {
      if (tree.status === "fulfilled") await tree.value[Symbol.asyncDispose]();
    }
    const fetched = await Promise.allSettled(this.fetched.values());
    for (const one of fetched) {
      if (one.status === "fulfilled") await one.value[Symbol.asyncDispose]();
    }
  }

  private fetch(place: RemotePlace, signal: AbortSignal): Promise<RemoteContext> {
    return loadRemoteContext(this.kit, this.job, this.session, place, signal);
  }

  /** Where a further context is fetched from; null for one that the session has. */
  private placeOf(name: string): RemotePlace | null {
    const text = this.options.contexts.get(name) ?? "";
    const source = sourceOf(text, this.inputs);
    if (source !== undefined) return placeOf(source);
    return text.startsWith("local:") ? null : readPlace(text);
  }

  private async receive(
    name: string,
    only: readonly string[] | null,
    signal: AbortSignal,
  ): Promise<ContextTree> {
    const folder = this.folderOf(name);
    if (!this.session.offers(fileSync)) throw missingContext(name);
    const exclude = name === "" ? this.mainIgnore : await this.namedIgnore(name, folder, signal);
    const tree = await this.kit.engine.contexts.open(this.nameOf(folder), signal);
    const title =
      name === "" ? "[internal] load build context" : `[context ${name}] load from client`;
    try {
      await runPart(this.tell, title, this.job.request.reference, async (progress) => {
        const what = name === "" ? "context" : name;
        const transfer = new TransferStatus(progress, `transferring ${what}:`);
        const request = { name: folder, exclude, follow: only ?? [] };
        await syncFolder(this.session, request, tree, transfer.add, signal);
        transfer.end();
      });
      return tree;
    } catch (error) {
      await tree[Symbol.asyncDispose]();
      throw error;
    }
  }

  secret(id: string, signal: AbortSignal): Promise<Buffer | undefined> {
    return readSecret(this.session, id, signal);
  }

  ssh(
    id: string,
    signal: AbortSignal,
  ): Promise<({ readonly path: string } & AsyncDisposable) | undefined> {
    return openAgent(this.kit.agentsFolder, this.session, id, signal);
  }

  credentials(host: string, signal: AbortSignal): Promise<RegistryCredentials | null> {
    return readCredentials(this.session, host, signal);
  }

  readonly tell = (event: BuildEvent): void => {
    const { progress, definitionVertex } = this.job;
    if (event.kind !== "warning") {
      progress.tell(event);
      return;
    }
    const [range] = event.ranges;
    progress.tell({
      ...event,
      ...(event.vertex === noVertex && definitionVertex !== null
        ? { vertex: definitionVertex }
        : {}),
      short: range === undefined ? event.short : `${event.short} (line ${range.first})`,
    });
  };

  private folderOf(name: string): string {
    if (name === "") return this.options.contextFolder;
    const place = this.options.contexts.get(name) ?? "";
    if (!place.startsWith("local:")) throw missingContext(name);
    return place.slice("local:".length);
  }

  private namedIgnore(
    name: string,
    folder: string,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const title = `[context ${name}] load .dockerignore`;
    return loadIgnorePatterns(this.job, this.session, folder, title, signal);
  }

  /** Clients that keep no name for their folders across builds get trees of their own. */
  private nameOf(folder: string): ContextName | null {
    const { sharedKey } = this.session;
    if (sharedKey === "") return null;
    const key = createHash("sha256").update(`${sharedKey}\0${folder}`).digest("hex");
    return { key, kind: "source.local", description: `local source for ${folder}` };
  }
}

/** A tree that others use, too: ending it ends only this use. Files know such a tree by its prototype. */
function shared(tree: ContextTree): ContextTree {
  const end = { value: async (): Promise<void> => undefined };
  return Object.create(tree, { [Symbol.asyncDispose]: end }) as ContextTree;
}

function missingContext(name: string): DuetError {
  return new DuetError(
    "not-found",
    "CONTEXT_NOT_FOUND",
    `the client gives no files for the context ${JSON.stringify(name.slice(0, 100))}`,
  );
}

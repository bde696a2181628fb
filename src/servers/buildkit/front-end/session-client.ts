import { createHash } from "node:crypto";
import type { BuildEvent } from "../../../domain/build/event.ts";
import type { ContextStore, ContextTree } from "../../../domain/build/files.ts";
import type { RegistryCredentials } from "../../../domain/registry.ts";
import type { BuildClient } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import { fileSync } from "../../../spec/buildkit/file-sync.ts";
import type { Job } from "../control/job.ts";
import { syncFolder } from "../session/context.ts";
import { readCredentials, readSecret } from "../session/secrets.ts";
import type { Session } from "../session/session.ts";
import { openAgent } from "../session/ssh-agent.ts";
import { loadIgnorePatterns } from "./definition.ts";
import type { BuildOptions } from "./options.ts";
import { runPart, TransferStatus } from "./vertex.ts";

/** Vertex of warnings that belong to no step: those of the Dockerfile as a whole. */
const noVertex = `sha256:${"0".repeat(64)}`;

/** Answers a build's questions from the client's session, and tells the client's display what happens. */
export class SessionClient implements BuildClient {
  private readonly job: Job;
  private readonly session: Session;
  private readonly options: BuildOptions;
  private readonly contexts: ContextStore;
  private readonly mainIgnore: readonly string[];
  /** The main context, where it was fetched from a URL. */
  private readonly fetched: (() => ContextTree) | null;

  constructor(parts: {
    readonly job: Job;
    readonly session: Session;
    readonly options: BuildOptions;
    readonly contexts: ContextStore;
    readonly mainIgnore: readonly string[];
    readonly fetched: (() => ContextTree) | null;
  }) {
    this.job = parts.job;
    this.session = parts.session;
    this.options = parts.options;
    this.contexts = parts.contexts;
    this.mainIgnore = parts.mainIgnore;
    this.fetched = parts.fetched;
  }

  async context(
    name: string,
    only: readonly string[] | null,
    signal: AbortSignal,
  ): Promise<ContextTree> {
    if (name === "" && this.fetched !== null) return this.fetched();
    const folder = this.folderOf(name);
    if (!this.session.offers(fileSync)) throw missingContext(name);
    const exclude = name === "" ? this.mainIgnore : await this.namedIgnore(name, folder, signal);
    const tree = await this.contexts.open(this.keyOf(folder), signal);
    try {
      const title =
        name === "" ? "[internal] load build context" : `[context ${name}] load from client`;
      await runPart(this.tell, title, this.job.request.reference, async (progress) => {
        const transfer = new TransferStatus(
          progress,
          `transferring ${name === "" ? "context" : name}:`,
        );
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
    return openAgent(this.session, id, signal);
  }

  credentials(host: string, signal: AbortSignal): Promise<RegistryCredentials | null> {
    return readCredentials(this.session, host, signal);
  }

  readonly tell = (event: BuildEvent): void => {
    const isWhole = event.kind === "warning" && event.vertex === noVertex;
    const vertex = this.job.definitionVertex;
    this.job.progress.tell(isWhole && vertex !== null ? { ...event, vertex } : event);
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
  private keyOf(folder: string): string | null {
    const { sharedKey } = this.session;
    if (sharedKey === "") return null;
    return createHash("sha256").update(`${sharedKey}\0${folder}`).digest("hex");
  }
}

function missingContext(name: string): DuetError {
  return new DuetError(
    "not-found",
    "CONTEXT_NOT_FOUND",
    `the client gives no files for the context ${JSON.stringify(name.slice(0, 100))}`,
  );
}

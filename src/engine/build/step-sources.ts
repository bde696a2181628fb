import type { ContextTree, FileTree } from "../../domain/build/files.ts";
import type { FilesFrom } from "../../domain/build/operation.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Platform } from "../../domain/image.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import type { GivenImage } from "../image-use-cases.ts";
import type { BaseImages } from "./base-images.ts";
import type { BuildClient, BuildRequest } from "./build.ts";
import { ensureStack } from "./build-cache.ts";
import { topOf, type LayerStack } from "./layer-stack.ts";

/** A stage that has been built, as others take files from it. */
export interface BuiltStage {
  readonly stack: LayerStack;
  /** Key of its last step, or null where it had none. */
  readonly key: Digest | null;
}

/** Files that a step takes. */
export interface SourceTree {
  readonly files: FileTree | ContextTree;
  readonly stage: BuiltStage | null;
}

const nothing: FileTree = { mounts: [], identity: "scratch" };

/** Where the steps of one build take files from. */
export class StepSources implements AsyncDisposable {
  private readonly context: EngineContext;
  private readonly build: {
    readonly request: BuildRequest;
    readonly client: BuildClient;
    readonly images: BaseImages;
    /** Paths of each context that the build needs; null for all. */
    only(name: string): readonly string[] | null;
    stage(index: number): Promise<BuiltStage>;
  };
  private readonly contexts = new Map<string, Promise<ContextTree>>();
  private readonly held = new AsyncDisposableStack();

  constructor(context: EngineContext, build: StepSources["build"]) {
    this.context = context;
    this.build = build;
  }

  async get(from: FilesFrom, platform: Platform, signal: AbortSignal): Promise<SourceTree> {
    if (from.kind === "scratch") return { files: nothing, stage: null };
    if (from.kind === "stage") {
      const stage = await this.build.stage(from.index);
      return { files: await this.viewOf(stage.stack, signal), stage };
    }
    if (from.kind === "image") return await this.image(from.reference, platform, signal);
    const named = this.build.request.contexts[from.name];
    if (typeof named === "object") return await this.image(named.image, platform, signal);
    return { files: await this.clientFiles(from.name, signal), stage: null };
  }

  /** A tree of layers, of one content for ever. */
  async viewOf(stack: LayerStack, signal: AbortSignal): Promise<FileTree> {
    const top = topOf(stack);
    if (top === null) return nothing;
    await ensureStack(this.context, stack, signal);
    const mounts = await this.context.snapshotters.directory.view?.(top);
    if (mounts !== undefined) return { mounts, identity: top };
    throw new DuetError("unsupported", "NO_VIEW", "layers of this host are no folders");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.contexts.values());
    await this.held.disposeAsync();
  }

  private async image(
    reference: string | GivenImage,
    platform: Platform,
    signal: AbortSignal,
  ): Promise<SourceTree> {
    const image = await this.build.images.get(reference, platform, signal);
    return { files: await this.viewOf(image.record, signal), stage: null };
  }

  /** Asked of the client once, whoever needs it first. */
  private async clientFiles(name: string, signal: AbortSignal): Promise<ContextTree> {
    const known = this.contexts.get(name);
    if (known !== undefined) return await known;
    const { client, only } = this.build;
    const open = async (): Promise<ContextTree> =>
      this.held.use(await client.context(name, only(name), signal));
    const opening = open();
    opening.catch(() => undefined);
    this.contexts.set(name, opening);
    return await opening;
  }
}

import type { Digest } from "../../../domain/digest.ts";
import type { BuildOptions } from "../front-end/options.ts";
import type { BuildResult } from "../../../engine/build/build.ts";
import { GitCommits } from "../../../engine/build/git-commits.ts";
import { never, race, withDeadline } from "../../../kit/abort.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { SolveRequest } from "../../../spec/buildkit/control.ts";
import type { GatewayResult } from "../../../spec/buildkit/gateway.ts";
import { codes, StatusError, type Status } from "../../../kit/grpc/status.ts";
import type { SavedBuild, SavedBuilds } from "./saved-builds.ts";
import { LogRoom, Progress } from "./progress.ts";
import type { Source } from "./status-message.ts";

/** What the client has built of one build, and gives back to be exported. */
export interface Returned {
  readonly result: GatewayResult | undefined;
  readonly error: Status | undefined;
}

/** How a result was made, as an attestation that the build's record has. */
export interface Attested {
  /** "" where the result is not told by platform. */
  readonly platform: string;
  readonly predicateType: string;
  readonly digest: Digest;
  readonly content: Buffer;
}

/** Files that a client may read of what it has had fetched. */
export interface ReadableFiles extends AsyncDisposable {
  /** Throws `not-found` FILE_NOT_FOUND, `too-large`. */
  read(path: string, signal: AbortSignal): Promise<Buffer>;
}

/** One build of a client, from its Solve to its end, and as history after it. */
export class Job {
  readonly request: SolveRequest;
  readonly createdAt: number;
  readonly progress: Progress;
  /** Results by the names that the client knows them by. */
  readonly results = new Map<string, BuildResult>();
  readonly commits = new GitCommits();
  /** The Dockerfile, once it is read. */
  source: Source | null = null;
  /** The part of the build that has read it. */
  definitionVertex: Digest | null = null;
  /** The context, where the client sends it with its request. */
  upload: AsyncIterable<Uint8Array> | null = null;
  /** What the front end was asked for, for provenance. */
  options: BuildOptions | null = null;
  /** Aborts when the build has ended, however. */
  readonly signal: AbortSignal;
  completedAt: number | null = null;
  failure: Status | null = null;
  exporterResponse: ReadonlyMap<string, string> = new Map();
  pinned = false;
  attested: readonly Attested[] = [];
  private readonly controller = new AbortController();
  private readonly fetched = new Map<string, ReadableFiles>();
  private readonly giveBack = Promise.withResolvers<Returned>();

  constructor(request: SolveRequest, signal: AbortSignal, createdAt = Date.now(), room?: LogRoom) {
    this.progress = new Progress(room);
    this.request = request;
    this.createdAt = createdAt;
    this.signal = AbortSignal.any([signal, this.controller.signal]);
    this.giveBack.promise.catch(() => undefined);
  }

  /** One that has ended before. */
  static revive(saved: SavedBuild): Job {
    const job = new Job(saved.request, never, saved.createdAt);
    const { completedAt, failure, exporterResponse, pinned, source, attested } = saved;
    Object.assign(job, { completedAt, failure, exporterResponse, pinned, source, attested });
    job.progress.replay(saved.events);
    return job;
  }

  /** As it is to be kept; for one that has ended. */
  toSave(): Omit<SavedBuild, "version"> {
    const { request, createdAt, failure, exporterResponse, pinned, source, attested } = this;
    return {
      ...{ request, createdAt, failure, exporterResponse, pinned, source, attested },
      completedAt: this.completedAt ?? createdAt,
      events: this.progress.toSave(),
    };
  }

  /** What the client gives back once it has built what it wants. */
  returned(signal: AbortSignal): Promise<Returned> {
    return race(this.giveBack.promise, signal);
  }

  giveBackResult(returned: Returned): void {
    this.giveBack.resolve(returned);
  }

  /** Throws `not-found` for a name that is none of this build's. */
  result(reference: string): BuildResult {
    const found = this.results.get(reference);
    if (found !== undefined) return found;
    throw new StatusError(codes.unknown, `no such ref: ${reference.slice(0, 100)}`);
  }

  /** Until the build ends; at once where it has, because its client is gone. */
  async keepResult(reference: string, result: BuildResult): Promise<void> {
    await this.keep(this.results, reference, result);
  }

  /** As `keepResult`. */
  async keepFiles(reference: string, files: ReadableFiles): Promise<void> {
    await this.keep(this.fetched, reference, files);
  }

  private async keep<T extends AsyncDisposable>(
    into: Map<string, T>,
    reference: string,
    one: T,
  ): Promise<void> {
    if (this.completedAt === null) into.set(reference, one);
    else await one[Symbol.asyncDispose]();
  }

  hasFiles(reference: string): boolean {
    return this.fetched.has(reference);
  }

  files(reference: string): ReadableFiles {
    const found = this.fetched.get(reference);
    if (found !== undefined) return found;
    throw new StatusError(codes.unimplemented, "files of a build's result cannot be read");
  }

  async end(failure: Status | null): Promise<void> {
    this.failure = failure;
    this.completedAt = Date.now();
    this.progress.end();
    this.controller.abort(new DuetError("canceled", "CANCELED", "the build has ended"));
    const held: readonly AsyncDisposable[] = [...this.results.values(), ...this.fetched.values()];
    this.results.clear();
    this.fetched.clear();
    await Promise.all(held.map((one) => one[Symbol.asyncDispose]()));
  }
}

/** Builds at once, and builds that are remembered after their end. */
const maximumJobs = 256;
const maximumHistory = 50;
/** Builds whose output is kept after their end. */
const keptLogs = 4;
/** Bytes of output that are in memory for all builds. */
const logLimit = 256 << 20;
/** Milliseconds that a call waits for the build it names: clients send both at once. */
const jobTimeout = 10_000;

/** The builds that run, and the last that have ended. */
export class JobTable {
  private readonly running = new Map<string, Job>();
  private readonly logRoom = new LogRoom(logLimit);
  private ended = new Map<string, Job>();
  private readonly saved: SavedBuilds | null;
  private restoring: Promise<void> | undefined;
  private readonly keeping = new Set<Promise<void>>();
  private readonly waiting = new Set<{
    readonly name: string;
    readonly found: (job: Job) => void;
  }>();
  private readonly watchers = new Set<(job: Job) => void>();

  constructor(saved: SavedBuilds | null) {
    this.saved = saved;
  }

  begin(request: SolveRequest, signal: AbortSignal): Job {
    const name = request.reference;
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name) || this.find(name) !== undefined) {
      throw new DuetError("conflict", "BUILD_EXISTS", `job ID ${name.slice(0, 64)} exists`);
    }
    if (this.running.size >= maximumJobs) {
      throw new DuetError("exhausted", "BUILDS_FULL", `${maximumJobs} builds run already`, {
        hint: "try again when one has ended",
      });
    }
    const job = new Job(request, signal, Date.now(), this.logRoom);
    this.running.set(name, job);
    for (const waiter of this.waiting) if (waiter.name === name) waiter.found(job);
    if (!request.internal) this.tell(job);
    return job;
  }

  async end(job: Job, failure: Status | null): Promise<void> {
    const name = job.request.reference;
    try {
      await job.end(failure);
    } finally {
      this.running.delete(name);
      this.ended.set(name, job);
      if (!job.request.internal) {
        this.tell(job);
        this.aside(this.keep(job));
      }
      this.limit();
    }
  }

  /** Resolves when all builds that have ended are kept. */
  async kept(): Promise<void> {
    await Promise.all(this.keeping);
  }

  /** No build waits for it. It must not fail. */
  private aside(work: Promise<void>): void {
    const keeping = work.finally(() => this.keeping.delete(keeping));
    this.keeping.add(keeping);
  }

  /** Those of earlier daemons count, too: else every daemon would leave its own. */
  private async keep(job: Job): Promise<void> {
    await this.restore();
    await this.saved?.save(job.toSave());
    if (!this.ended.has(job.request.reference)) await this.saved?.discard(job.request.reference);
  }

  /** Forgets the oldest, and the output of all but the newest. */
  private limit(): void {
    const kept = [...this.ended].filter(([, old]) => !old.pinned);
    for (const [name] of kept.slice(0, Math.max(0, kept.length - maximumHistory))) {
      this.ended.delete(name);
      if (this.saved !== null) this.aside(this.saved.discard(name));
    }
    for (const old of [...this.ended.values()].slice(0, -keptLogs)) old.progress.trim();
  }

  /** Also builds of before the daemon's start. Read when they are first asked for, or the first build ends. */
  private async restore(): Promise<void> {
    this.restoring ??= (async () => {
      const old: Job[] = [];
      for await (const saved of this.saved?.all() ?? []) {
        const job = Job.revive(saved);
        job.progress.trim();
        old.push(job);
      }
      old.sort((one, other) => one.completedAt! - other.completedAt!);
      const named = old.map((job): [string, Job] => [job.request.reference, job]);
      this.ended = new Map([...named, ...this.ended]);
      this.limit();
    })();
    await this.restoring;
  }

  /** As `get`, for who wants all that happened, also in a build of before. */
  async watched(name: string, signal: AbortSignal): Promise<Job> {
    const found = this.find(name);
    if (found !== undefined && !found.progress.isTrimmed) return found;
    const saved = await this.saved?.read(name);
    return saved === undefined ? await this.get(name, signal) : Job.revive(saved);
  }

  /** Throws `not-found` BUILD_MISSING where none comes. */
  async get(name: string, signal: AbortSignal): Promise<Job> {
    const found = this.find(name);
    if (found !== undefined) return found;
    const { promise, resolve } = Promise.withResolvers<Job>();
    const waiter = { name, found: resolve };
    this.waiting.add(waiter);
    try {
      return await race(promise, withDeadline(signal, jobTimeout, "the build's begin"));
    } catch (error) {
      signal.throwIfAborted();
      throw new DuetError("not-found", "BUILD_MISSING", `no such job ${name.slice(0, 64)}`, {
        cause: error,
      });
    } finally {
      this.waiting.delete(waiter);
    }
  }

  /** A result of any build that runs. Throws where there is none of that name. */
  result(reference: string): BuildResult {
    for (const job of this.running.values()) {
      const found = job.results.get(reference);
      if (found !== undefined) return found;
    }
    throw new StatusError(codes.unknown, `no such ref: ${reference.slice(0, 100)}`);
  }

  /** Builds that clients may ask for later, newest last. */
  async history(): Promise<readonly Job[]> {
    await this.restore();
    return [...this.ended.values(), ...this.running.values()].filter(
      ({ request }) => !request.internal,
    );
  }

  async forget(name: string): Promise<void> {
    this.ended.get(name)?.progress.trim();
    this.ended.delete(name);
    await this.saved?.remove(name);
  }

  async pin(job: Job, pinned: boolean): Promise<void> {
    job.pinned = pinned;
    const saved = await this.saved?.read(job.request.reference);
    if (saved !== undefined) await this.saved?.save({ ...saved, pinned });
  }

  /** Hears of builds that begin and end, until the function that it gives is called. */
  watch(heard: (job: Job) => void): () => void {
    this.watchers.add(heard);
    return () => this.watchers.delete(heard);
  }

  private find(name: string): Job | undefined {
    return this.running.get(name) ?? this.ended.get(name);
  }

  private tell(job: Job): void {
    for (const heard of this.watchers) heard(job);
  }
}

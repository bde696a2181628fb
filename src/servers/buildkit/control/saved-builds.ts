import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deserialize, serialize } from "node:v8";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { BuildEvent } from "../../../domain/build/event.ts";
import { errnoOf } from "../../../kit/errors.ts";
import type { Status } from "../../../kit/grpc/status.ts";
import type { Log } from "../../../kit/log.ts";
import type { SolveRequest } from "../../../spec/buildkit/control.ts";
import type { Attested } from "./job.ts";
import type { Source } from "./status-message.ts";

/** A build that has ended, as it is kept across restarts. */
export interface SavedBuild {
  readonly version: typeof version;
  readonly request: SolveRequest;
  readonly createdAt: number;
  readonly completedAt: number;
  readonly failure: Status | null;
  readonly exporterResponse: ReadonlyMap<string, string>;
  readonly pinned: boolean;
  readonly source: Source | null;
  readonly attested: readonly Attested[];
  readonly events: readonly BuildEvent[];
}

const version = 1;
/** Bytes of a record, unpacked. */
const maximumRecord = 64 << 20;
const suffix = ".build";
const unfinished = ".new";
const oldMilliseconds = 60_000;

const pack = promisify(gzip);
const unpack = promisify(gunzip);

/** Builds that have ended, a file each. What cannot be read is passed over. */
export class SavedBuilds {
  private readonly folder: string;
  private readonly log: Log;

  constructor(folder: string, log: Log) {
    this.folder = folder;
    this.log = log;
  }

  /** Never throws: a history that cannot be kept is none. */
  async save(build: Omit<SavedBuild, "version">): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true, mode: 0o700 });
      const packed = await pack(serialize({ ...build, version }), { level: 1 });
      const path = this.path(build.request.reference);
      // Not flushed: a record that a power cut takes is no loss.
      await writeFile(`${path}${unfinished}`, packed, { mode: 0o600 });
      await rename(`${path}${unfinished}`, path);
    } catch (error) {
      this.log.warn("build-history-not-kept", { error });
    }
  }

  async remove(name: string): Promise<void> {
    await rm(this.path(name), { force: true });
  }

  /** As `remove`, for what nobody has asked for. Never throws. */
  async discard(name: string): Promise<void> {
    await this.dropFile(this.path(name));
  }

  /** Undefined where there is none of that name. */
  async read(name: string): Promise<SavedBuild | undefined> {
    if (!/^[a-zA-Z0-9_-]{1,64}$/.test(name)) return undefined;
    try {
      const packed = await readFile(this.path(name));
      const saved = deserialize(
        await unpack(packed, { maxOutputLength: maximumRecord }),
      ) as Partial<SavedBuild>;
      return saved.version === version ? (saved as SavedBuild) : undefined;
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") this.log.warn("build-history-not-read", { name, error });
      return undefined;
    }
  }

  /** One after the other, since each may be large; in no order. Never throws. */
  async *all(): AsyncGenerator<SavedBuild, void, void> {
    const names = await readdir(this.folder).catch(() => []);
    for (const name of names.filter((each) => each.endsWith(unfinished))) {
      await this.dropUnfinished(join(this.folder, name));
    }
    for (const name of names.filter((each) => each.endsWith(suffix))) {
      const saved = await this.read(name.slice(0, -suffix.length));
      if (saved !== undefined) yield saved;
    }
  }

  /** What a daemon that was killed had begun to write. */
  private async dropUnfinished(path: string): Promise<void> {
    const found = await stat(path).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs > oldMilliseconds) await this.dropFile(path);
  }

  private async dropFile(path: string): Promise<void> {
    try {
      await rm(path, { force: true });
    } catch (error) {
      this.log.warn("build-history-not-removed", { path, error });
    }
  }

  private path(name: string): string {
    return join(this.folder, `${name}${suffix}`);
  }
}

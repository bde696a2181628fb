import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestHex, isDigest } from "../../domain/digest.ts";
import type { ChainId } from "../../domain/image.ts";
import { never } from "../../kit/abort.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { currentBoot } from "../../kit/boot.ts";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";

/** What is kept of a committed layer, in `committed/<hex of chain>`. */
export interface LayerRecord {
  readonly chain: ChainId;
  readonly parent: ChainId | null;
  /** Name below `l/`; short, so that a long list of layers fits one page of mount options. */
  readonly folder: string;
  /** Bytes of its files. */
  readonly size: number;
  readonly entries: number;
  /** The boot in which it was made; without `synced`, another boot means that its bytes may be lost. */
  readonly boot: string;
  readonly synced: boolean;
  /** Its root is opaque, which overlayfs does not heed: the layers below are left out of the mount. */
  readonly rootOpaque?: boolean;
}

/**
 * On disk: `committed/<hex>` (LayerRecord as JSON) and `l/<number in base 36>` (the layer's tree).
 * A folder without a record is garbage of a crash.
 */
export class LayerRecords {
  private readonly directory: string;
  private readonly records = new Map<ChainId, LayerRecord>();
  /** One change of a layer's record at a time. */
  private readonly changes = new KeyedLock();
  private next = 1;
  readonly boot: string = currentBoot();

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Reads what is there; gives the names below `l/` that no record has. */
  async load(log: Log): Promise<readonly string[]> {
    await mkdir(join(this.directory, "committed"), { recursive: true, mode: 0o700 });
    await mkdir(join(this.directory, "l"), { recursive: true, mode: 0o700 });
    for (const name of await readdir(join(this.directory, "committed"))) {
      const record = await this.read(name);
      if (record !== undefined && (record.synced || record.boot === this.boot)) {
        this.records.set(record.chain, record);
        continue;
      }
      if (!name.startsWith(".tmp-"))
        log.warn("layer-dropped", { name, reason: "not known to be on disk" });
      await rm(join(this.directory, "committed", name), { force: true });
    }
    const used = new Set([...this.records.values()].map((record) => record.folder));
    const folders = await readdir(join(this.directory, "l"));
    return folders.filter((folder) => !used.has(folder) && folder !== "0");
  }

  get(chain: ChainId): LayerRecord | undefined {
    return this.records.get(chain);
  }

  all(): readonly LayerRecord[] {
    return [...this.records.values()];
  }

  /** From the topmost layer down, as far as there is something to be seen. Throws `not-found` SNAPSHOT_NOT_FOUND. */
  stack(chain: ChainId | null): readonly LayerRecord[] {
    const layers: LayerRecord[] = [];
    for (let at = chain; at !== null;) {
      const record = this.records.get(at);
      if (record === undefined) {
        throw new DuetError("not-found", "SNAPSHOT_NOT_FOUND", `no unpacked layer ${at}`, {
          subject: `chain ${chain}`,
          hint: "pull the image again",
        });
      }
      layers.push(record);
      at = record.rootOpaque === true ? null : record.parent;
    }
    return layers;
  }

  path(folder: string): string {
    return join(this.directory, "l", folder);
  }

  /** A new, empty folder below `l/`. */
  async makeFolder(): Promise<string> {
    for (;;) {
      const folder = this.next.toString(36);
      this.next += 1;
      try {
        await mkdir(this.path(folder), { mode: 0o755 });
        return folder;
      } catch (error) {
        if (errnoOf(error) !== "EEXIST") throw error;
      }
    }
  }

  /** Publishes a layer. Its bytes may still be in memory only; `markSynced` comes after they are not. */
  async put(record: LayerRecord): Promise<void> {
    await this.changes.run(record.chain, never, async () => await this.publish(record));
  }

  /** A layer that is removed meanwhile stays removed. */
  async markSynced(record: LayerRecord): Promise<void> {
    await this.changes.run(record.chain, never, async () => {
      if (this.records.get(record.chain) !== record) return;
      const synced = { ...record, synced: true };
      await writeFileAtomic(this.recordPath(record.chain), JSON.stringify(synced));
      this.records.set(record.chain, synced);
    });
  }

  async delete(chain: ChainId): Promise<LayerRecord | undefined> {
    return await this.changes.run(chain, never, async () => {
      const record = this.records.get(chain);
      if (record === undefined) return undefined;
      this.records.delete(chain);
      await rm(this.recordPath(chain), { force: true });
      return record;
    });
  }

  private async publish(record: LayerRecord): Promise<void> {
    const path = this.recordPath(record.chain);
    const temporary = join(this.directory, "committed", `.tmp-${randomBytes(8).toString("hex")}`);
    await writeFile(temporary, JSON.stringify(record), { mode: 0o600, flag: "wx" });
    await rename(temporary, path);
    this.records.set(record.chain, record);
  }

  private recordPath(chain: ChainId): string {
    return join(this.directory, "committed", digestHex(chain));
  }

  private async read(name: string): Promise<LayerRecord | undefined> {
    try {
      const value: unknown = JSON.parse(
        await readFile(join(this.directory, "committed", name), "utf8"),
      );
      return isLayerRecord(value) && digestHex(value.chain) === name ? value : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || errnoOf(error) === "EISDIR") return undefined;
      throw error;
    }
  }
}

function isLayerRecord(value: unknown): value is LayerRecord {
  if (typeof value !== "object" || value === null) return false;
  const { chain, parent, folder, size, entries, boot, synced, rootOpaque } = value as Record<
    keyof LayerRecord,
    unknown
  >;
  return (
    isDigest(chain) &&
    (parent === null || isDigest(parent)) &&
    typeof folder === "string" &&
    /^[0-9a-z]{1,12}$/.test(folder) &&
    typeof size === "number" &&
    typeof entries === "number" &&
    typeof boot === "string" &&
    typeof synced === "boolean" &&
    (rootOpaque === undefined || typeof rootOpaque === "boolean")
  );
}

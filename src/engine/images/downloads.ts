import type { ContentStore, Ingest } from "../../domain/content.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import { spending } from "../../domain/pull-phases.ts";
import type { BlobStream, PullProgress } from "../../domain/registry.ts";
import { race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { startLaps } from "../../kit/laps.ts";
import { Turns } from "../../kit/turns.ts";
import type { GivenImage } from "../image-use-cases.ts";
import type { PullTally } from "./pull-tally.ts";

const parallelDownloads = 4;
const progressStep = 256 << 10;
const attempts = 3;

export type Source = string | GivenImage;

type Report = (progress: PullProgress) => void;

/** What somebody wants of a download, and what it is told. */
export interface Wanting {
  /**
   * Where the bytes come from: an image that somebody gave, or a repository by words that are the same after a
   * restart. What fails there says nothing of other places.
   */
  readonly source: Source;
  /** The bytes from `offset` on, or from where the other side can begin. */
  open(offset: number): Promise<BlobStream>;
  report: Report;
  /** Takes down what this one had to do itself for it. */
  readonly tally?: PullTally | undefined;
}

interface Flight {
  readonly done: Promise<void>;
  /** What its bytes are being written to, once the first of them have come. */
  readonly begun: Promise<Ingest>;
  readonly reports: Set<Report>;
  readonly source: Source;
  /** The leader's: when it is aborted, its failure says nothing about the layer. */
  readonly signal: AbortSignal;
}

/** What a download has to say on its way. */
interface Telling {
  tell(phase: PullProgress["phase"], current: number): void;
  begin(ingest: Ingest): void;
}

/**
 * Brings layers into the content store, at most four at a time; a layer that several pulls want is
 * downloaded once, and each of them sees its progress. The first to ask does the work: when it is
 * cancelled, or has it from elsewhere and fails, those who wait take over, where it stopped if they have
 * it from the same source.
 */
export class Downloads {
  private readonly content: ContentStore;
  private readonly flights = new Map<Digest, Flight>();
  private readonly turns = new Turns(parallelDownloads);

  constructor(content: ContentStore) {
    this.content = content;
  }

  /** Resolves when the layer is in the content store, whole and verified. */
  async fetch(layer: Descriptor, wanting: Wanting, signal: AbortSignal): Promise<void> {
    const { report, source, tally } = wanting;
    for (;;) {
      const flight = this.flights.get(layer.digest);
      if (flight === undefined) return await this.lead(layer, wanting, signal);
      flight.reports.add(report);
      try {
        await race(flight.done, signal);
        tally?.layer("other-pull");
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!flight.signal.aborted && flight.source === source) throw error;
      } finally {
        flight.reports.delete(report);
      }
    }
  }

  /**
   * The layer's bytes while they come, for who has asked for it by `fetch`, which gave `done`. They end
   * only when all of them are here and verified.
   */
  async *read(layer: Descriptor, done: Promise<void>): AsyncGenerator<Buffer, void, void> {
    const ingest = await Promise.race([this.flights.get(layer.digest)?.begun, done]);
    let position = 0;
    if (ingest !== undefined) {
      try {
        for await (const chunk of ingest.follow()) {
          position += chunk.length;
          yield chunk;
        }
        return;
      } catch {
        // Somebody else may go on with it; why nobody does, `done` tells.
      }
    }
    await done;
    yield* await this.content.stream(layer.digest, position);
  }

  private async lead(layer: Descriptor, wanting: Wanting, signal: AbortSignal): Promise<void> {
    const { report, source } = wanting;
    const reports = new Set([report]);
    const tell: Telling["tell"] = (phase, current) => {
      for (const each of reports) each({ layer, phase, current, total: layer.size });
    };
    const { promise: begun, resolve: begin } = Promise.withResolvers<Ingest>();
    const done = this.download(layer, wanting, { tell, begin }, signal);
    this.flights.set(layer.digest, { done, begun, reports, source, signal });
    try {
      await done;
    } finally {
      this.flights.delete(layer.digest);
    }
  }

  private async download(
    layer: Descriptor,
    wanting: Wanting,
    flight: Telling,
    signal: AbortSignal,
  ): Promise<void> {
    const { tell } = flight;
    if ((await this.content.size(layer.digest)) !== undefined) {
      wanting.tally?.layer("here");
      tell("exists", layer.size);
      return;
    }
    tell("waiting", 0);
    await this.turns.run(signal, () => this.transfer(layer, wanting, flight, signal));
    wanting.tally?.layer("registry");
    await failpoint("pull.layer");
    tell("downloaded", layer.size);
  }

  private async transfer(
    layer: Descriptor,
    wanting: Wanting,
    flight: Telling,
    signal: AbortSignal,
  ): Promise<void> {
    const { tell } = flight;
    const { tally } = wanting;
    const opening = (): Promise<Ingest> => this.content.ingest(ingestKey(layer, wanting.source));
    // What came of it earlier is read again.
    await using ingest = await spending(tally, "verify", opening);
    tally?.spend("verify", 0, ingest.offset);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await receive(ingest, layer, wanting, flight);
        break;
      } catch (error) {
        signal.throwIfAborted();
        const isPassing =
          error instanceof DuetError && ["unavailable", "timeout"].includes(error.class);
        if (!isPassing || attempt >= attempts) throw error;
      }
    }
    tell("verifying", layer.size);
    await spending(tally, "publish", () => ingest.commit(layer));
  }
}

/** What one source left of a layer is not verified, and nothing for another to go on with. */
function ingestKey({ digest }: Descriptor, source: Source): string {
  return JSON.stringify(["layer", digest, typeof source === "string" ? source : [source.name]]);
}

async function receive(
  ingest: Ingest,
  layer: Descriptor,
  { open, tally }: Wanting,
  { tell, begin }: Telling,
): Promise<void> {
  if (ingest.offset > layer.size) await ingest.truncate();
  if (ingest.offset === layer.size && layer.size > 0) return;
  const lap = startLaps();
  const { offset, body } = await open(ingest.offset);
  if (offset !== ingest.offset) await ingest.truncate();
  begin(ingest);
  let reported = ingest.offset;
  for await (const chunk of body) {
    if (ingest.offset + chunk.length > layer.size) {
      throw new DuetError(
        "corrupt",
        "SIZE_MISMATCH",
        `layer ${layer.digest} is longer than its ${layer.size} bytes`,
      );
    }
    tally?.spend("download", lap(), chunk.length);
    // It hashes before it gives its promise, and writes then.
    const appended = ingest.append(chunk);
    tally?.spend("verify", lap(), chunk.length);
    await appended;
    tally?.spend("write", lap(), chunk.length);
    if (ingest.offset - reported < progressStep) continue;
    reported = ingest.offset;
    tell("downloading", reported);
  }
  tally?.spend("download", lap(), 0);
  if (ingest.offset < layer.size) {
    throw new DuetError(
      "unavailable",
      "BODY_SHORT",
      `the registry sent ${ingest.offset} of ${layer.size} bytes of layer ${layer.digest}`,
    );
  }
}

import type { ContentStore, Ingest } from "../../domain/content.ts";
import type { Digest } from "../../domain/digest.ts";
import type { Descriptor } from "../../domain/image.ts";
import type { PullProgress } from "../../domain/registry.ts";
import { race } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Turns } from "../../kit/turns.ts";

const parallelDownloads = 4;
const progressStep = 256 << 10;
const attempts = 3;

type Open = (
  offset: number,
) => Promise<{ readonly offset: number; readonly body: AsyncIterable<Buffer> }>;
type Report = (progress: PullProgress) => void;

interface Flight {
  readonly done: Promise<void>;
  /** What its bytes are being written to, once the first of them have come. */
  readonly begun: Promise<Ingest>;
  readonly reports: Set<Report>;
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
 * cancelled, those who wait take over where it stopped.
 */
export class Downloads {
  private readonly content: ContentStore;
  private readonly flights = new Map<Digest, Flight>();
  private readonly turns = new Turns(parallelDownloads);

  constructor(content: ContentStore) {
    this.content = content;
  }

  /** Resolves when the layer is in the content store, whole and verified. */
  async fetch(layer: Descriptor, open: Open, report: Report, signal: AbortSignal): Promise<void> {
    for (;;) {
      const flight = this.flights.get(layer.digest);
      if (flight === undefined) return await this.lead(layer, open, report, signal);
      flight.reports.add(report);
      try {
        await race(flight.done, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!flight.signal.aborted) throw error;
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

  private async lead(
    layer: Descriptor,
    open: Open,
    report: Report,
    signal: AbortSignal,
  ): Promise<void> {
    const reports = new Set([report]);
    const tell: Telling["tell"] = (phase, current) => {
      for (const each of reports) each({ layer, phase, current, total: layer.size });
    };
    const { promise: begun, resolve: begin } = Promise.withResolvers<Ingest>();
    const done = this.download(layer, open, { tell, begin }, signal);
    this.flights.set(layer.digest, { done, begun, reports, signal });
    try {
      await done;
    } finally {
      this.flights.delete(layer.digest);
    }
  }

  private async download(
    layer: Descriptor,
    open: Open,
    flight: Telling,
    signal: AbortSignal,
  ): Promise<void> {
    const { tell } = flight;
    if ((await this.content.size(layer.digest)) !== undefined) {
      tell("exists", layer.size);
      return;
    }
    tell("waiting", 0);
    await this.turns.run(signal, () => this.transfer(layer, open, flight, signal));
    await failpoint("pull.layer");
    tell("downloaded", layer.size);
  }

  private async transfer(
    layer: Descriptor,
    open: Open,
    flight: Telling,
    signal: AbortSignal,
  ): Promise<void> {
    const { tell } = flight;
    await using ingest = await this.content.ingest(`layer-${layer.digest}`);
    for (let attempt = 1; ; attempt += 1) {
      try {
        await receive(ingest, layer, open, flight);
        break;
      } catch (error) {
        signal.throwIfAborted();
        const isPassing =
          error instanceof DuetError && ["unavailable", "timeout"].includes(error.class);
        if (!isPassing || attempt >= attempts) throw error;
      }
    }
    tell("verifying", layer.size);
    await ingest.commit(layer);
  }
}

async function receive(
  ingest: Ingest,
  layer: Descriptor,
  open: Open,
  { tell, begin }: Telling,
): Promise<void> {
  if (ingest.offset > layer.size) await ingest.truncate();
  if (ingest.offset === layer.size && layer.size > 0) return;
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
    await ingest.append(chunk);
    if (ingest.offset - reported < progressStep) continue;
    reported = ingest.offset;
    tell("downloading", reported);
  }
  if (ingest.offset < layer.size) {
    throw new DuetError(
      "unavailable",
      "BODY_SHORT",
      `the registry sent ${ingest.offset} of ${layer.size} bytes of layer ${layer.digest}`,
    );
  }
}

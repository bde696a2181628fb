import type { Descriptor } from "../../../domain/image.ts";
import { layerSources, pullPhases, type PullTimings } from "../../../domain/pull-phases.ts";
import type { PullEvent, PushProgress } from "../../../engine/image-use-cases.ts";
import { toDuetError } from "../../../kit/errors.ts";
import type { ProgressMessage } from "../../../spec/docker/image.ts";
import type { PullTimingsBody } from "../../../spec/duet/pull-timings.ts";
import type { Exchange } from "../exchange.ts";
import { messageOf } from "../failures.ts";

const phases = {
  waiting: "Waiting",
  downloading: "Downloading",
  verifying: "Verifying Checksum",
  downloaded: "Download complete",
  unpacking: "Extracting",
  done: "Pull complete",
  exists: "Already exists",
} as const;

const uploadPhases = {
  preparing: "Preparing",
  waiting: "Waiting",
  pushing: "Pushing",
  pushed: "Pushed",
  exists: "Layer already exists",
  foreign: "Skipped foreign layer",
} as const;

/** Least milliseconds between two messages of one layer in one phase. */
const interval = 100;

/**
 * Docker's progress stream, a JSON object a line. It begins with its first message, so that a failure
 * before that still gets a status of its own; later ones become a message of the stream.
 */
export class ProgressStream {
  private readonly last = new Map<string, { readonly phase: string; readonly time: number }>();
  private readonly exchange: Exchange;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  send(message: ProgressMessage): void {
    if (!this.exchange.isStarted) this.exchange.begin("application/json");
    this.exchange.push(`${JSON.stringify(message)}\r\n`);
  }

  /** Updates within a phase are dropped while the client is slow; phases never are. */
  readonly report = (event: PullEvent): void => {
    if (event.kind === "status") {
      this.send({ status: event.text, ...(event.id === "" ? {} : { id: event.id }) });
      return;
    }
    if (event.kind === "timings") return this.send({ aux: describeTimings(event.timings) });
    if (event.kind === "upload") return this.reportUpload(event.progress);
    if (event.kind === "pushed") {
      const { digest, size } = event.descriptor;
      return this.send({ progressDetail: {}, aux: { Tag: event.tag, Digest: digest, Size: size } });
    }
    if (event.kind === "instead") {
      const { index, manifest } = event;
      const aux = {
        manifestPushedInsteadOfIndex: true,
        originalIndex: describe(index),
        selectedManifest: describe(manifest),
      };
      return this.send({ aux });
    }
    const { layer, phase, current, total } = event.progress;
    const id = layer.digest.slice("sha256:".length, "sha256:".length + 12);
    const before = this.last.get(id);
    const now = Date.now();
    const isUpdate = before?.phase === phase;
    if (isUpdate && (this.exchange.isCongested || now - before.time < interval)) return;
    if (before === undefined && phase !== "exists") {
      this.send({ status: "Pulling fs layer", progressDetail: {}, id });
    }
    this.last.set(id, { phase, time: now });
    const isMeasured = phase === "downloading" || phase === "unpacking";
    this.send({
      status: phases[phase],
      progressDetail: isMeasured ? { current, total } : {},
      ...(isMeasured ? { progress: progressBar(current, total) } : {}),
      id,
    });
  };

  private reportUpload({ layer, phase, current, from }: PushProgress): void {
    const id = layer.digest.slice("sha256:".length, "sha256:".length + 12);
    const before = this.last.get(id);
    const now = Date.now();
    const isUpdate = before?.phase === phase;
    if (isUpdate && (this.exchange.isCongested || now - before.time < interval)) return;
    this.last.set(id, { phase, time: now });
    const isMeasured = phase === "pushing";
    this.send({
      status: phase === "mounted" ? `Mounted from ${from}` : uploadPhases[phase],
      progressDetail: isMeasured ? { current, total: layer.size } : {},
      ...(isMeasured ? { progress: progressBar(current, layer.size) } : {}),
      id,
    });
  }

  /** Runs the work that reports here and ends the stream. */
  async run(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!this.exchange.isStarted || this.exchange.signal.aborted) throw error;
      const message = messageOf(toDuetError(error));
      this.send({ errorDetail: { message }, error: message });
    }
    if (!this.exchange.isStarted) this.exchange.begin("application/json");
    this.exchange.end();
  }
}

/** As Docker's jsonmessage draws it for old clients: a bar of 50 and sizes in SI units. */
function progressBar(current: number, total: number): string {
  if (total <= 0) return humanSize(current);
  const share = Math.min(50, Math.floor((current / total) * 50));
  const bar = `${"=".repeat(share)}>${" ".repeat(50 - share)}`;
  return `[${bar}]  ${humanSize(current)}/${humanSize(total)}`;
}

function describeTimings({ seconds, phases, layers }: PullTimings): PullTimingsBody {
  return {
    Timings: {
      Seconds: seconds,
      Phases: pullPhases.map((Name) => ({
        Name,
        Seconds: phases[Name].seconds,
        Bytes: phases[Name].bytes,
      })),
      Layers: layerSources.map((Source) => ({ Source, Count: layers[Source] })),
    },
  };
}

function describe({ mediaType, digest, size }: Descriptor): unknown {
  return { mediaType, digest, size };
}

function humanSize(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${Number(size.toPrecision(4))}${units[unit]}`;
}

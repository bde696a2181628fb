import { createHash } from "node:crypto";
import type { Digest } from "../../../domain/digest.ts";
import { race } from "../../../kit/abort.ts";
import type {
  historyEvent,
  historyRequest,
  updateHistoryRequest,
} from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";
import { codes, encodeStatus, StatusError } from "../../../kit/grpc/status.ts";
import { recordedFailure } from "./failure.ts";
import type { Job, JobTable } from "./job.ts";
import { timestamp } from "./status-message.ts";

type Event = Sparse<ValueOfMessage<typeof historyEvent>>;

type HistoryRecord = NonNullable<ValueOfMessage<typeof historyEvent>["record"]>;

const statementType = "application/vnd.in-toto+json";
/** As BuildKit writes it. */
const failureType = "application/vnd.googeapis.google.rpc.status+proto";
const started = 0;
const complete = 1;

/** Builds that run or have run, and with `earlyExit` false those that come. */
export async function* listenHistory(
  jobs: JobTable,
  request: ValueOfMessage<typeof historyRequest>,
  signal: AbortSignal,
): AsyncGenerator<Event> {
  const isWanted = (job: Job): boolean =>
    (request.reference === "" || job.request.reference === request.reference) &&
    (!request.activeOnly || job.completedAt === null);
  const queue: Job[] = [];
  let news = Promise.withResolvers<void>();
  const stop = jobs.watch((job) => {
    if (isWanted(job) && queue.length < 1_000) queue.push(job);
    news.resolve();
  });
  try {
    const found = (await jobs.history()).filter(isWanted).toReversed();
    for (const job of found.slice(0, request.limit > 0 ? request.limit : Infinity)) {
      yield eventOf(job);
    }
    while (!request.earlyExit) {
      for (const job of queue.splice(0)) yield eventOf(job);
      await race(news.promise, signal);
      news = Promise.withResolvers<void>();
    }
  } finally {
    stop();
  }
}

function eventOf(job: Job): Event {
  const { request, failure } = job;
  const { total, completed, cached } = job.progress.steps;
  return {
    type: job.completedAt === null ? started : complete,
    record: {
      reference: request.reference,
      frontend: request.frontend,
      frontendAttributes: request.frontendAttributes,
      exporters: request.exporters,
      error: failure === null ? undefined : { code: failure.code, message: failure.message },
      createdAt: timestamp(job.createdAt),
      completedAt: timestamp(job.completedAt),
      exporterResponse: job.exporterResponse,
      ...resultsOf(job),
      ...externalError(job),
      pinned: job.pinned,
      cachedSteps: cached,
      totalSteps: total,
      completedSteps: completed,
      warnings: job.progress.warnings,
    },
  };
}

/** A build's failure with all that is known of it, for the client to read; null where it has none. */
export function failureContent({ failure, progress }: Job): RecordContent | null {
  if (failure === null) return null;
  const content = encodeStatus(recordedFailure(failure, progress.failed));
  return { digest: `sha256:${createHash("sha256").update(content).digest("hex")}`, content };
}

/** Something that a record names and clients read. */
export interface RecordContent {
  readonly digest: Digest;
  readonly content: Buffer;
}

function externalError(job: Job): Pick<Sparse<HistoryRecord>, "externalError"> {
  const found = failureContent(job);
  if (found === null) return {};
  const { digest, content } = found;
  return { externalError: { mediaType: failureType, digest, size: content.length } };
}

function resultsOf({ attested }: Job): Pick<Sparse<HistoryRecord>, "result" | "results"> {
  const described = attested.map(({ platform, digest, content, predicateType }) => ({
    platform,
    info: {
      attestations: [
        {
          ...{ mediaType: statementType, digest, size: content.length },
          annotations: new Map([["in-toto.io/predicate-type", predicateType]]),
        },
      ],
    },
  }));
  const [first] = described;
  if (first === undefined) return {};
  if (first.platform === "") return { result: first.info };
  return { results: new Map(described.map(({ platform, info }) => [platform, info])) };
}

/** Pins a record, or forgets it. Throws a StatusError for one that is not there. */
export async function updateHistory(
  jobs: JobTable,
  request: ValueOfMessage<typeof updateHistoryRequest>,
): Promise<Record<string, never>> {
  const job = (await jobs.history()).find((one) => one.request.reference === request.reference);
  if (job === undefined || job.completedAt === null) {
    // Docker's code: clients write others before the message.
    throw new StatusError(codes.unknown, `no such record: ${request.reference.slice(0, 64)}`);
  }
  if (request.delete) await jobs.forget(request.reference);
  else if (!request.finalize) await jobs.pin(job, request.pinned);
  return {};
}

import { DuetError } from "../../../kit/errors.ts";
import { race } from "../../../kit/abort.ts";
import type {
  historyEvent,
  historyRequest,
  updateHistoryRequest,
} from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";
import type { Job, JobTable } from "./job.ts";
import { timestamp } from "./status-message.ts";

type Event = Sparse<ValueOfMessage<typeof historyEvent>>;

type HistoryRecord = NonNullable<ValueOfMessage<typeof historyEvent>["record"]>;

const statementType = "application/vnd.in-toto+json";
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
      pinned: job.pinned,
      cachedSteps: cached,
      totalSteps: total,
      completedSteps: completed,
      warnings: job.progress.warnings,
    },
  };
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

/** Pins a record, or forgets it. Throws `not-found` BUILD_MISSING. */
export async function updateHistory(
  jobs: JobTable,
  request: ValueOfMessage<typeof updateHistoryRequest>,
): Promise<Record<string, never>> {
  const job = (await jobs.history()).find((one) => one.request.reference === request.reference);
  if (job === undefined || job.completedAt === null) {
    throw new DuetError(
      "not-found",
      "BUILD_MISSING",
      `no such record: ${request.reference.slice(0, 64)}`,
    );
  }
  if (request.delete) await jobs.forget(request.reference);
  else if (!request.finalize) await jobs.pin(job, request.pinned);
  return {};
}

import type { BuildCacheRecord } from "../../../engine/build/build.ts";
import type { control, pruneRequest, usageRecord } from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import { isDuetError } from "../../../kit/errors.ts";
import { codes, StatusError } from "../../../kit/grpc/status.ts";
import { cacheFilter } from "../../../engine/build/cache-filter.ts";
import type { BuildKit } from "../service.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";
import { timestamp } from "./status-message.ts";

type Usage = Sparse<ValueOfMessage<typeof usageRecord>>;

export async function diskUsage(
  kit: BuildKit,
  { filters, ageLimit }: ValueOfMessage<(typeof control.diskUsage)["request"]>,
): Promise<Sparse<ValueOfMessage<(typeof control.diskUsage)["response"]>>> {
  const matches = await withPlainCode(() => cacheFilter(filters, "diskusage"));
  const oldest = ageLimit === 0 ? Number.POSITIVE_INFINITY : Date.now() - ageLimit / 1_000_000;
  const records = await kit.engine.build.cache();
  const shown = records.filter((record) => record.usedAt <= oldest && matches(record));
  return { records: shown.map(usageOf) };
}

function usageOf(record: BuildCacheRecord): Usage {
  return {
    id: record.id,
    mutable: record.isMutable,
    inUse: record.inUse,
    size: record.size,
    createdAt: timestamp(record.createdAt),
    lastUsedAt: timestamp(record.usedAt),
    usageCount: record.useCount,
    description: record.description,
    recordType: record.kind,
    shared: record.shared,
    parents: record.parents,
  };
}

/** Removes what nobody uses and the filters let through, and tells of each. */
export async function* prune(
  kit: BuildKit,
  request: ValueOfMessage<typeof pruneRequest>,
  signal: AbortSignal,
): AsyncGenerator<Usage> {
  const { filters, all, keepDuration } = request;
  const { reservedSpace, maximumUsedSpace, minimumFreeSpace } = request;
  const unusedFor = keepDuration === 0 ? null : keepDuration / 1_000_000;
  const chosen = { filters, all, unusedFor, reservedSpace, maximumUsedSpace, minimumFreeSpace };
  const { deleted } = await withPlainCode(() => kit.engine.build.pruneCache(chosen, signal));
  for (const record of deleted) yield usageOf(record);
}

/** BuildKit tells of wrong filters with no code of their own; clients write one before the message. */
async function withPlainCode<T>(work: () => Promise<T> | T): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw isDuetError(error, "invalid") ? new StatusError(codes.unknown, error.message) : error;
  }
}

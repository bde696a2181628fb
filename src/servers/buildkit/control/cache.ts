import type { BuildCacheRecord } from "../../../engine/build/build.ts";
import type { control, pruneRequest, usageRecord } from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { BuildKit } from "../service.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";
import { timestamp } from "./status-message.ts";

type Usage = Sparse<ValueOfMessage<typeof usageRecord>>;

export function diskUsage(
  kit: BuildKit,
): Sparse<ValueOfMessage<(typeof control.diskUsage)["response"]>> {
  return { records: kit.engine.build.cache().map(usageOf) };
}

function usageOf(record: BuildCacheRecord): Usage {
  return {
    id: record.id,
    mutable: record.kind !== "regular",
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
  const filters = request.filters
    .flatMap((text) => text.split(","))
    .filter((text) => text !== "")
    .map(readFilter);
  const before = new Map(kit.engine.build.cache().map((record) => [record.id, record]));
  const youngest = Date.now() - request.keepDuration / 1_000_000;
  const isKept = (record: BuildCacheRecord): boolean =>
    record.inUse ||
    (request.keepDuration > 0 && record.usedAt > youngest) ||
    !filters.every((matches) => matches(record));
  const keepBytes = Math.max(request.reservedSpace, request.maximumUsedSpace);
  const { deleted } = await kit.engine.build.pruneCache(isKept, { keepBytes }, signal);
  for (const id of deleted) {
    const record = before.get(id);
    if (record !== undefined) yield usageOf(record);
  }
}

type Filter = (record: BuildCacheRecord) => boolean;

/** containerd's filters as far as BuildKit documents them: `type==regular`, `id~=^a`, `inuse`. */
function readFilter(text: string): Filter {
  const match =
    /^(id|parents?|type|description|inuse|mutable|immutable|shared|private)(?:(==|!=|~=)(.*))?$/s.exec(
      text.trim(),
    );
  if (match === null) {
    throw new DuetError(
      "invalid",
      "FILTER_INVALID",
      `not a filter: ${JSON.stringify(text.slice(0, 100))}`,
    );
  }
  const [, field = "", operator, value = ""] = match;
  const wanted = value.replace(/^"(.*)"$/s, "$1");
  if (operator === undefined) return (record) => fieldOf(record, field) === "true";
  if (operator === "==") return (record) => fieldOf(record, field) === wanted;
  if (operator === "!=") return (record) => fieldOf(record, field) !== wanted;
  return (record) => fieldOf(record, field).includes(wanted);
}

function fieldOf(record: BuildCacheRecord, field: string): string {
  const isMutable = record.kind !== "regular";
  switch (field) {
    case "id":
      return record.id;
    case "type":
      return record.kind;
    case "description":
      return record.description;
    case "inuse":
      return String(record.inUse);
    case "mutable":
      return String(isMutable);
    case "immutable":
      return String(!isMutable);
    case "shared":
      return String(record.shared);
    case "private":
      return String(!record.shared);
    default:
      return record.parents.join(" ");
  }
}

import {
  bool,
  bytes,
  int,
  list,
  map,
  message,
  method,
  nested,
  string,
  type ValueOfMessage,
} from "../protobuf.ts";
import { bytesMessage, empty, status, timestamp } from "./google.ts";
import { definition, platform, range, sourceInfo } from "./solver.ts";

/** Package moby.buildkit.v1 (api/services/control/control.proto, api/types/worker.proto). */
const buildkitVersion = message({ package: string(1), version: string(2), revision: string(3) });

export const workerRecord = message({
  id: string(1),
  labels: map(2, string(2)),
  platforms: list(nested(3, platform)),
  gcPolicy: list(
    nested(
      4,
      message({
        all: bool(1),
        keepDuration: int(2),
        reservedSpace: int(3),
        filters: list(string(4)),
        maximumUsedSpace: int(5),
      }),
    ),
  ),
  buildkitVersion: nested(5, buildkitVersion),
});

export const usageRecord = message({
  id: string(1),
  mutable: bool(2),
  inUse: bool(3),
  size: int(4),
  createdAt: nested(6, timestamp),
  lastUsedAt: nested(7, timestamp),
  usageCount: int(8),
  description: string(9),
  recordType: string(10),
  shared: bool(11),
  parents: list(string(12)),
});

export const pruneRequest = message({
  filters: list(string(1)),
  all: bool(2),
  keepDuration: int(3),
  reservedSpace: int(4),
  maximumUsedSpace: int(5),
  minimumFreeSpace: int(6),
});

const exporter = message({ type: string(1), attributes: map(2, string(2)) });
const cacheEntry = message({ type: string(1), attributes: map(2, string(2)) });
const cacheOptions = message({
  importReferences: list(string(2)),
  exports: list(nested(4, cacheEntry)),
  imports: list(nested(5, cacheEntry)),
});

export const solveRequest = message({
  reference: string(1),
  definition: nested(2, definition),
  exporter: string(3),
  exporterAttributes: map(4, string(2)),
  session: string(5),
  frontend: string(6),
  frontendAttributes: map(7, string(2)),
  cache: nested(8, cacheOptions),
  entitlements: list(string(9)),
  frontendInputs: map(10, nested(1, definition)),
  internal: bool(11),
  sourcePolicy: nested(12, message({ version: int(1), rules: list(nested(2, empty)) })),
  exporters: list(nested(13, exporter)),
});
export type SolveRequest = ValueOfMessage<typeof solveRequest>;
export type ExporterEntry = ValueOfMessage<typeof exporter>;

export const solveResponse = message({ exporterResponse: map(1, string(2)) });

const vertex = message({
  digest: string(1),
  inputs: list(string(2)),
  name: string(3),
  cached: bool(4),
  started: nested(5, timestamp),
  completed: nested(6, timestamp),
  error: string(7),
});
const vertexStatus = message({
  id: string(1),
  vertex: string(2),
  name: string(3),
  current: int(4),
  total: int(5),
  timestamp: nested(6, timestamp),
  started: nested(7, timestamp),
  completed: nested(8, timestamp),
});
const vertexLog = message({
  vertex: string(1),
  timestamp: nested(2, timestamp),
  stream: int(3),
  message: bytes(4),
});
const vertexWarning = message({
  vertex: string(1),
  level: int(2),
  short: bytes(3),
  detail: list(bytes(4)),
  url: string(5),
  info: nested(6, sourceInfo),
  ranges: list(nested(7, range)),
});

export const statusRequest = message({ reference: string(1) });
export const statusResponse = message({
  vertexes: list(nested(1, vertex)),
  statuses: list(nested(2, vertexStatus)),
  logs: list(nested(3, vertexLog)),
  warnings: list(nested(4, vertexWarning)),
});

const descriptor = message({
  mediaType: string(1),
  digest: string(2),
  size: int(3),
  annotations: map(5, string(2)),
});

export const historyRequest = message({
  activeOnly: bool(1),
  reference: string(2),
  earlyExit: bool(3),
  filters: list(string(4)),
  limit: int(5),
});

const resultInfo = message({ attestations: list(nested(2, descriptor)) });

export const historyRecord = message({
  reference: string(1),
  frontend: string(2),
  frontendAttributes: map(3, string(2)),
  exporters: list(nested(4, exporter)),
  error: nested(5, status),
  createdAt: nested(6, timestamp),
  completedAt: nested(7, timestamp),
  logs: nested(8, descriptor),
  exporterResponse: map(9, string(2)),
  result: nested(10, resultInfo),
  results: map(11, nested(2, resultInfo)),
  generation: int(12),
  pinned: bool(14),
  cachedSteps: int(15),
  totalSteps: int(16),
  completedSteps: int(17),
  externalError: nested(18, descriptor),
  warnings: int(19),
});

/** `type`: 0 started, 1 complete, 2 deleted. */
export const historyEvent = message({ type: int(1), record: nested(2, historyRecord) });

export const updateHistoryRequest = message({
  reference: string(1),
  pinned: bool(2),
  delete: bool(3),
  finalize: bool(4),
});

const service = "/moby.buildkit.v1.Control";

export const control = {
  diskUsage: method(
    `${service}/DiskUsage`,
    message({ filters: list(string(1)), ageLimit: int(2) }),
    message({ records: list(nested(1, usageRecord)) }),
  ),
  prune: method(`${service}/Prune`, pruneRequest, usageRecord),
  solve: method(`${service}/Solve`, solveRequest, solveResponse),
  status: method(`${service}/Status`, statusRequest, statusResponse),
  session: method(`${service}/Session`, bytesMessage, bytesMessage),
  listWorkers: method(
    `${service}/ListWorkers`,
    message({ filters: list(string(1)) }),
    message({ records: list(nested(1, workerRecord)) }),
  ),
  info: method(`${service}/Info`, empty, message({ buildkitVersion: nested(1, buildkitVersion) })),
  listenBuildHistory: method(`${service}/ListenBuildHistory`, historyRequest, historyEvent),
  updateBuildHistory: method(`${service}/UpdateBuildHistory`, updateHistoryRequest, empty),
} as const;

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
import { workerRecord } from "./control.ts";
import { stat } from "./file-sync.ts";
import { empty, status } from "./google.ts";
import { definition, platform, range, sourceInfo, sourceOperation } from "./solver.ts";

/** Package moby.buildkit.v1.frontend (frontend/gateway/pb/gateway.proto): what drives a build from the client. */
const reference = message({ id: string(1), definition: nested(2, definition) });

export const result = message({
  reference: nested(3, reference),
  references: nested(4, message({ byKey: map(1, nested(2, reference)) })),
  metadata: map(10, bytes(2)),
});
export type GatewayResult = ValueOfMessage<typeof result>;

const cacheEntry = message({ type: string(1), attributes: map(2, string(2)) });

export const bridgeSolveRequest = message({
  definition: nested(1, definition),
  frontend: string(2),
  options: map(3, string(2)),
  cacheImports: list(nested(12, cacheEntry)),
  inputs: map(13, nested(2, definition)),
  evaluate: bool(14),
  sourcePolicies: list(nested(15, empty)),
});
export type BridgeSolveRequest = ValueOfMessage<typeof bridgeSolveRequest>;

const capability = message({ id: string(1), enabled: bool(2), deprecated: bool(3) });
const onReference = message({ reference: string(1) });

/** Header by which a client says to which of its builds a call belongs. */
export const buildHeader = "buildkit-controlapi-buildid";

const service = "/moby.buildkit.v1.frontend.LLBBridge";

export const bridge = {
  ping: method(
    `${service}/Ping`,
    empty,
    message({
      frontendCapabilities: list(nested(1, capability)),
      graphCapabilities: list(nested(2, capability)),
      workers: list(nested(3, workerRecord)),
    }),
  ),
  solve: method(
    `${service}/Solve`,
    bridgeSolveRequest,
    message({ reference: string(1), result: nested(3, result) }),
  ),
  resolveImageConfig: method(
    `${service}/ResolveImageConfig`,
    message({ reference: string(1), platform: nested(2, platform), resolveMode: string(3) }),
    message({ digest: string(1), config: bytes(2), reference: string(3) }),
  ),
  resolveSourceMeta: method(
    `${service}/ResolveSourceMeta`,
    message({ source: nested(1, sourceOperation), platform: nested(2, platform) }),
    message({
      source: nested(1, sourceOperation),
      image: nested(2, message({ digest: string(1), config: bytes(2) })),
    }),
  ),
  readFile: method(
    `${service}/ReadFile`,
    message({
      reference: string(1),
      path: string(2),
      range: nested(3, message({ offset: int(1), length: int(2) })),
    }),
    message({ data: bytes(1) }),
  ),
  readDirectory: method(
    `${service}/ReadDir`,
    message({ reference: string(1), path: string(2), includePattern: string(3) }),
    message({ entries: list(nested(1, stat)) }),
  ),
  statFile: method(
    `${service}/StatFile`,
    message({ reference: string(1), path: string(2) }),
    message({ stat: nested(1, stat) }),
  ),
  evaluate: method(`${service}/Evaluate`, onReference, empty),
  return: method(
    `${service}/Return`,
    message({ result: nested(1, result), error: nested(2, status) }),
    empty,
  ),
  inputs: method(
    `${service}/Inputs`,
    empty,
    message({ definitions: map(1, nested(2, definition)) }),
  ),
  warn: method(
    `${service}/Warn`,
    message({
      digest: string(1),
      level: int(2),
      short: bytes(3),
      detail: list(bytes(4)),
      url: string(5),
      info: nested(6, sourceInfo),
      ranges: list(nested(7, range)),
    }),
    empty,
  ),
} as const;

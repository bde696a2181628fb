import {
  bool,
  bytes,
  int,
  list,
  map,
  message,
  nested,
  string,
  type ValueOfMessage,
} from "../protobuf.ts";

/** Package `pb` of BuildKit's solver (solver/pb/ops.proto), as far as Duet speaks it. */
export const platform = message({ architecture: string(1), os: string(2), variant: string(3) });
export const position = message({ line: int(1), character: int(2) });
export const range = message({ start: nested(1, position), end: nested(2, position) });
export const sourceInfo = message({ filename: string(1), data: bytes(2), language: string(4) });
export const sourceOperation = message({ identifier: string(1), attributes: map(2, string(2)) });

/** One node of a graph; of its operations only where files come from. One without any ends the graph. */
export const operation = message({
  inputs: list(nested(1, message({ digest: string(1), index: int(2) }))),
  source: nested(3, sourceOperation),
  platform: nested(10, platform),
});
/** A graph: marshaled operations; clients take one without metadata for none. */
export const definition = message({
  operations: list(bytes(1)),
  metadata: map(2, nested(2, message({ description: map(2, string(2)) }))),
});
export type Definition = ValueOfMessage<typeof definition>;
export const progressGroup = message({ id: string(1), name: string(2), weak: bool(3) });

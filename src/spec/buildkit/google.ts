import { bytes, int, list, message, nested, string, type ValueOfMessage } from "../protobuf.ts";

/** google.protobuf.Timestamp. */
export const timestamp = message({ seconds: int(1), nanos: int(2) });

export const empty = message({});

/** google.protobuf.Any. */
export const any = message({ typeUrl: string(1), value: bytes(2) });
export type Any = ValueOfMessage<typeof any>;

/** google.rpc.Status. */
export const status = message({ code: int(1), message: string(2), details: list(nested(3, any)) });

/** moby.buildkit.v1.BytesMessage, and those of the same shape in BuildKit's other packages. */
export const bytesMessage = message({ data: bytes(1) });

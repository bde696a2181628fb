import { bytes, int, message, method, nested, string } from "../protobuf.ts";

/** Package containerd.services.content.v1 (api/services/content/v1/content.proto), as far as blobs are read. */
const service = "/containerd.services.content.v1.Content";

export const content = {
  info: method(
    `${service}/Info`,
    message({ digest: string(1) }),
    message({ info: nested(1, message({ digest: string(1), size: int(2) })) }),
  ),
  read: method(
    `${service}/Read`,
    message({ digest: string(1), offset: int(2), size: int(3) }),
    message({ offset: int(1), data: bytes(2) }),
  ),
  write: method(
    `${service}/Write`,
    message({
      action: int(1),
      reference: string(2),
      total: int(3),
      expected: string(4),
      offset: int(5),
      data: bytes(6),
    }),
    message({ action: int(1), offset: int(4), total: int(5), digest: string(6) }),
  ),
} as const;

/** Of `write`. */
export const writeActions = { stat: 0, write: 1, commit: 2 } as const;

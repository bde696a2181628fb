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
} as const;

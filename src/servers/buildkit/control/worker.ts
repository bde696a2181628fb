import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { hostPlatform } from "../../../domain/registry.ts";
import type { workerRecord } from "../../../spec/buildkit/control.ts";
import type { ValueOfMessage } from "../../../spec/protobuf.ts";
import type { Sparse } from "../../../kit/grpc/encode.ts";

/** The BuildKit whose interface this is; clients compare it with versions that began a feature. */
export const buildkitVersion = {
  package: "github.com/moby/buildkit",
  version: "v0.25.2",
  revision: "",
} as const;

/** The one place where steps run. */
export function worker(): Sparse<ValueOfMessage<typeof workerRecord>> {
  const host = hostname();
  return {
    id: createHash("sha256").update(`duet-worker\0${host}`).digest("hex").slice(0, 25),
    labels: new Map([
      ["org.mobyproject.buildkit.worker.executor", "duet"],
      ["org.mobyproject.buildkit.worker.hostname", host],
      ["org.mobyproject.buildkit.worker.snapshotter", "overlayfs"],
    ]),
    platforms: [hostPlatform],
    gcPolicy: [],
    buildkitVersion,
  };
}

import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { Engine } from "../../../engine/engine.ts";
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

/** The one place where steps run. Clients read of it what `--add-host NAME:host-gateway` stands for. */
export function worker({
  networks,
}: Pick<Engine, "networks">): Sparse<ValueOfMessage<typeof workerRecord>> {
  const host = hostname();
  const bridge = networks.list().find(({ spec }) => spec.name === "bridge");
  const gateway = bridge?.pools[0]?.gateway ?? "";
  return {
    id: createHash("sha256").update(`duet-worker\0${host}`).digest("hex").slice(0, 25),
    labels: new Map([
      ["org.mobyproject.buildkit.worker.executor", "duet"],
      ["org.mobyproject.buildkit.worker.hostname", host],
      ...(gateway === ""
        ? []
        : [["org.mobyproject.buildkit.worker.moby.host-gateway-ip", gateway] as const]),
      ["org.mobyproject.buildkit.worker.snapshotter", "overlayfs"],
    ]),
    platforms: [hostPlatform],
    gcPolicy: [],
    buildkitVersion,
  };
}

import type { RootfsAccess } from "../../domain/rootfs.ts";
import type { Runtime } from "../../domain/runtime.ts";
import type { ShimLauncher } from "../../domain/shim.ts";
import { DuetError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";

export interface OciRuntimeDependencies {
  readonly shims: ShimLauncher;
  readonly rootfs: RootfsAccess;
  readonly log: Log;
  /** Absolute path of runc or crun; chosen by probing where absent. */
  readonly runtimePath?: string;
  /** `shim`: path of duet-shim; duet-init stands beside it. */
  readonly tools: { readonly shim: string };
  /** Name of the cgroup below which every workload gets its own, such as `/duet`. */
  readonly cgroupParent: string;
}

/** The runtime of isolation `container`. */
export async function createOciRuntime(dependencies: OciRuntimeDependencies): Promise<Runtime> {
  throw new DuetError(
    "unsupported",
    "NOT_YET",
    `no runtime below ${dependencies.cgroupParent} yet`,
  );
}

import type { EngineClient } from "../client.ts";

/** An engine under measurement, with a data root of its own, in network and mount namespaces of its own. */
export interface MeasuredEngine extends AsyncDisposable {
  /** Such as `docker 28.5.1`. */
  readonly name: string;
  readonly kind: "duet" | "docker" | "podman" | "buildah";
  /** Path of its unix socket; "" where it serves none. */
  readonly socket: string;
  /** A process in the engine's network namespace. */
  readonly namespacePid: number;
  readonly client: EngineClient;
  /** Flags that its `pull` needs for a registry on loopback without TLS. */
  readonly pullFlags: readonly string[];
  /** Pids while nothing runs: of the engine itself, and of VMs that it keeps waiting. */
  processes(): Promise<{ readonly own: readonly number[]; readonly machines: readonly number[] }>;
}

export interface EngineOptions {
  /** Short folder for data, sockets and logs; removed by the caller. */
  readonly folder: string;
  /** Name of the cgroup below which workloads go, such as `duet-bench-1`. */
  readonly cgroup: string;
  /** The docker client that drives every engine with a socket, so that its own cost is the same for all. */
  readonly dockerClient: string;
  readonly signal: AbortSignal;
}

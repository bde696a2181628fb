import type { Digest } from "./digest.ts";
import type { HealthState } from "./health.ts";
import type { Healthcheck, ImageRecord, Platform } from "./image.ts";
import type { Isolation, ObjectId } from "./identity.ts";
import type { StateTable } from "../kit/state-table.ts";
import type { ResourceLimits, SecuritySpec } from "./limits.ts";
import type { EndpointRecord, EndpointSpec, PortBinding } from "./network.ts";
import type { MountRecord, MountSpec } from "./mount.ts";

/** What the user asked for, by noun; null means "as the image says". */
export interface ContainerSpec {
  /** The reference as the user wrote it. */
  readonly image: string;
  /** Which one, of a name that is here for several platforms. */
  readonly platform?: Platform;
  readonly isolation: Isolation;
  readonly process: ContainerProcess;
  readonly hostname: string;
  readonly domainname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly resources: ResourceLimits;
  readonly security: SecuritySpec;
  readonly readonlyRoot: boolean;
  /** Bytes of the disk of a machine that boots its own; absent for what the disk has. */
  readonly diskSize?: number;
  readonly mounts: readonly MountSpec[];
  /** `id-or-name[:ro|rw]` of containers whose mounts are taken over. */
  readonly volumesFrom: readonly string[];
  readonly network: ContainerNetworkSpec;
  readonly logging: LoggingSpec;
  readonly lifecycle: LifecycleSpec;
}

export interface ContainerProcess {
  readonly entrypoint: readonly string[] | null;
  readonly command: readonly string[] | null;
  /** null: `/bin/sh -c`; only health checks of form CMD-SHELL run by it. */
  readonly shell: readonly string[] | null;
  readonly env: readonly string[];
  /** "" takes the image's. */
  readonly user: string;
  readonly workingDirectory: string;
  readonly terminal: boolean;
  /** Rows and columns at start; 0 leaves the terminal's default. */
  readonly terminalSize: { readonly rows: number; readonly columns: number };
  readonly openStdin: boolean;
  readonly stdinOnce: boolean;
  readonly attach: { readonly stdin: boolean; readonly stdout: boolean; readonly stderr: boolean };
}

export interface ContainerNetworkSpec {
  /** `default`, `bridge`, `host`, `none`, `container:ID` or the name or id of a network. */
  readonly mode: string;
  /** Endpoints wanted by network name or id, more than the mode's where the client asks. */
  readonly endpoints: Readonly<Record<string, EndpointSpec>>;
  readonly exposedPorts: readonly string[];
  readonly ports: readonly PortBinding[];
  readonly publishAll: boolean;
  readonly dnsServers: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:address` each. */
  readonly extraHosts: readonly string[];
  readonly links: readonly string[];
  readonly macAddress: string;
  readonly disabled: boolean;
}

export interface LoggingSpec {
  /** `json-file` (also ""), `local`, `none`, or one that sends logs elsewhere. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface LifecycleSpec {
  readonly autoRemove: boolean;
  readonly init: boolean;
  readonly restart: {
    readonly name: "no" | "always" | "unless-stopped" | "on-failure";
    readonly maximumRetries: number;
  };
  readonly healthcheck: Healthcheck | null;
  /** "" takes the image's or SIGTERM. */
  readonly stopSignal: string;
  /** Seconds; null takes the default of 10; -1 waits for ever. */
  readonly stopTimeout: number | null;
}

export type ContainerState =
  | "created"
  | "starting"
  | "running"
  | "paused"
  | "restarting"
  | "exited"
  | "removing"
  | "dead";

export type ContainerEvent =
  | "start"
  | "started"
  | "start-failed"
  | "pause"
  | "resume"
  | "exit"
  | "exit-for-restart"
  | "remove"
  | "remove-failed";

/** The whole life of a container, for either isolation; drawn in docs/internals/states.md. */
export const containerStates: StateTable<ContainerState, ContainerEvent> = {
  created: { start: "starting", remove: "removing" },
  starting: { started: "running", "start-failed": "exited", exit: "exited" },
  running: { pause: "paused", exit: "exited", "exit-for-restart": "restarting" },
  paused: { resume: "running", exit: "exited", "exit-for-restart": "restarting" },
  restarting: { start: "starting", exit: "exited", remove: "removing" },
  exited: { start: "starting", remove: "removing" },
  removing: { "remove-failed": "dead" },
  dead: { remove: "removing" },
};

export interface ContainerRecord {
  readonly id: ObjectId;
  readonly name: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly spec: ContainerSpec;
  /** The create request as the client sent it (already decoded JSON), so that inspect gives it back. */
  readonly request: unknown;
  readonly image: Digest;
  /** The image itself, kept here once it was removed by force from under this container. */
  readonly removedImage?: ImageRecord;
  /** What runs: entrypoint and command resolved against the image. */
  readonly resolved: ResolvedProcess;
  /** Nothing runs but a machine that boots the disk in the image. */
  readonly bootsDisk?: true;
  readonly state: ContainerState;
  /** Set after the user's stop or kill, so that restart policies leave it alone. */
  readonly stoppedByUser: boolean;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** Why the last start failed, or "". */
  readonly error: string;
  readonly restartCount: number;
  /** Milliseconds before the next run that the restart policy makes; absent before the first. */
  readonly restartDelay?: number;
  /** What its checks came to when it was last stored; absent where it has none or never ran. */
  readonly health?: HealthState;
  /** The engine pauses it for a moment, for a commit: one that finds it so after its own end lets it go on. */
  readonly held?: boolean;
  /** Host pid of the main process, or of QEMU; 0 while none runs. */
  readonly pid: number;
  readonly mounts: readonly MountRecord[];
  readonly endpoints: readonly EndpointRecord[];
  /** What the runtime needs to find the workload again after a restart of the daemon. */
  readonly workload: WorkloadHandle | null;
}

export interface ResolvedProcess {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  readonly stopSignal: string;
  readonly healthcheck: Healthcheck | null;
  /** What runs a check of form CMD-SHELL; null takes `/bin/sh -c`. */
  readonly shell: readonly string[] | null;
  readonly labels: Readonly<Record<string, string>>;
  readonly exposedPorts: readonly string[];
}

/** Durable facts of a workload that a shim owns. */
export interface WorkloadHandle {
  /** Path of the shim's unix socket. */
  readonly socket: string;
  readonly shimPid: number;
}

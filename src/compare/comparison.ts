import type { Summary } from "./statistics.ts";

/** How a workload was run. */
export type Way = "native" | "container" | "vm";

export const ways: readonly Way[] = ["native", "container", "vm"];

/** The metrics in the order of reports: what it says, its unit, and whether less is better. */
export const metrics = [
  { name: "create", label: "create", unit: "ms", lessIsBetter: true },
  { name: "start", label: "start", unit: "ms", lessIsBetter: true },
  { name: "first-output", label: "time to first output", unit: "ms", lessIsBetter: true },
  { name: "total", label: "total until it ended", unit: "ms", lessIsBetter: true },
  { name: "teardown", label: "remove", unit: "ms", lessIsBetter: true },
  { name: "memory", label: "memory (PSS)", unit: "MiB", lessIsBetter: true },
  { name: "private-memory", label: "private memory", unit: "MiB", lessIsBetter: true },
  { name: "disk", label: "disk of its own", unit: "MiB", lessIsBetter: true },
  { name: "processor", label: "integer speed", unit: "Mop/s", lessIsBetter: false },
  { name: "syscall", label: "system call", unit: "ns", lessIsBetter: true },
  { name: "spawn", label: "start a process", unit: "ms", lessIsBetter: true },
  { name: "file-write", label: "file write + sync", unit: "MB/s", lessIsBetter: false },
  { name: "file-sync", label: "sync of 4 KiB", unit: "ms", lessIsBetter: true },
  { name: "file-read", label: "file read, cached", unit: "MB/s", lessIsBetter: false },
  { name: "network-latency", label: "network round trip", unit: "us", lessIsBetter: true },
  { name: "network-throughput", label: "network throughput", unit: "MB/s", lessIsBetter: false },
] as const;

export type MetricName = (typeof metrics)[number]["name"];

/** What the probe sees from inside. */
export interface Facts {
  readonly kernel: string;
  /** Identity of the boot: equal to the host's when the kernel is the host's. */
  readonly boot: string;
  readonly pid1: string;
  readonly ownPid: number;
  readonly user: number;
  readonly processes: number;
  readonly devices: number;
  readonly cgroupEntries: number;
  readonly kernelModules: number;
  readonly interfaces: number;
  /** Kind to identity. */
  readonly namespaces: Readonly<Record<string, string>>;
  /** Effective capabilities, hexadecimal. */
  readonly capabilities: string;
  /** `0` off, `2` filtered. */
  readonly seccomp: string;
  /** Files through which root inside could reach the kernel that it runs on, and could open. */
  readonly reaches: readonly string[];
}

/** One way's results. */
export interface WayReport {
  readonly way: Way;
  readonly metrics: Readonly<Partial<Record<MetricName, Summary>>>;
  readonly facts: Facts | null;
  /** What could not be measured, and why. */
  readonly missing: Readonly<Record<string, string>>;
}

export interface Comparison {
  readonly image: string;
  readonly command: readonly string[];
  readonly runs: number;
  readonly rounds: number;
  /** It did not end by itself: runs were stopped after the first output. */
  readonly service: boolean;
  readonly measuredAt: string;
  readonly host: {
    readonly kernel: string;
    readonly processor: string;
    readonly processors: number;
    readonly memory: number;
  };
  readonly daemon: { readonly version: string; readonly runtimes: readonly string[] };
  readonly reports: readonly WayReport[];
  readonly advice: readonly string[];
}

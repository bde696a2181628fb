import type { FlagSpec } from "../flags.ts";

/** Limits that `update` can change later, too. */
export const limitFlags: readonly FlagSpec[] = [
  { name: "memory", short: "m", kind: "bytes", summary: "Memory limit; for a VM its memory" },
  { name: "memory-reservation", kind: "bytes", summary: "Memory soft limit" },
  {
    name: "memory-swap",
    kind: "bytes",
    summary: "Swap limit equal to memory plus swap: -1 to enable unlimited swap",
  },
  { name: "cpus", kind: "decimal", summary: "Number of CPUs; for a VM its virtual CPUs" },
  { name: "cpu-shares", short: "c", kind: "integer", summary: "CPU shares (relative weight)" },
  {
    name: "cpu-period",
    kind: "integer",
    summary: "Limit CPU CFS (Completely Fair Scheduler) period",
  },
  {
    name: "cpu-quota",
    kind: "integer",
    summary: "Limit CPU CFS (Completely Fair Scheduler) quota",
  },
  { name: "cpu-rt-period", kind: "integer", summary: "Limit CPU real-time period in microseconds" },
  {
    name: "cpu-rt-runtime",
    kind: "integer",
    summary: "Limit CPU real-time runtime in microseconds",
  },
  { name: "cpuset-cpus", kind: "string", summary: "CPUs in which to allow execution (0-3, 0,1)" },
  { name: "cpuset-mems", kind: "string", summary: "MEMs in which to allow execution (0-3, 0,1)" },
  {
    name: "pids-limit",
    kind: "integer",
    summary: "Tune container pids limit (set -1 for unlimited)",
  },
  {
    name: "blkio-weight",
    kind: "integer",
    summary: "Block IO (relative weight), between 10 and 1000, or 0 to disable",
  },
];

/** Limits and devices that are set at creation only. */
export const resourceFlags: readonly FlagSpec[] = [
  ...limitFlags,
  {
    name: "memory-swappiness",
    kind: "integer",
    summary: "Tune container memory swappiness (0 to 100)",
  },
  { name: "kernel-memory", kind: "bytes", summary: "Kernel memory limit", hidden: true },
  { name: "oom-kill-disable", kind: "boolean", summary: "Disable OOM Killer" },
  {
    name: "oom-score-adj",
    kind: "integer",
    summary: "Tune host's OOM preferences (-1000 to 1000)",
  },
  { name: "shm-size", kind: "bytes", summary: "Size of /dev/shm" },
  { name: "ulimit", kind: "list", summary: "Ulimit options (name=soft[:hard])" },
  {
    name: "blkio-weight-device",
    kind: "list",
    summary: "Block IO weight (relative device weight)",
  },
  {
    name: "device",
    kind: "list",
    summary: "Add a host device to the container",
    completes: "files",
  },
  {
    name: "device-cgroup-rule",
    kind: "list",
    summary: "Add a rule to the cgroup allowed devices list",
  },
  {
    name: "device-read-bps",
    kind: "list",
    summary: "Limit read rate (bytes per second) from a device",
  },
  {
    name: "device-read-iops",
    kind: "list",
    summary: "Limit read rate (IO per second) from a device",
  },
  {
    name: "device-write-bps",
    kind: "list",
    summary: "Limit write rate (bytes per second) to a device",
  },
  {
    name: "device-write-iops",
    kind: "list",
    summary: "Limit write rate (IO per second) to a device",
  },
  {
    name: "gpus",
    kind: "string",
    summary: "GPU devices to add to the container ('all' to pass all GPUs)",
  },
  { name: "cgroup-parent", kind: "string", summary: "Optional parent cgroup for the container" },
];

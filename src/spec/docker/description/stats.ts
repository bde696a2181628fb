import type { ModuleDescription } from "./form.ts";

/** `GET /containers/{id}/stats`. */
export const stats: ModuleDescription = {
  CpuUsage: {
    about: "Processor time. Nanoseconds.",
    fields: {
      total_usage: "uint64 — Nanoseconds.",
      percpu_usage: "uint64[]?",
      usage_in_kernelmode: "uint64",
      usage_in_usermode: "uint64",
    },
  },
  ThrottlingData: {
    about: "How often a limit of processor time held the container back.",
    fields: { periods: "uint64", throttled_periods: "uint64", throttled_time: "uint64" },
  },
  CpuStats: {
    about: "Of the container and, in system_cpu_usage, of the whole host.",
    fields: {
      cpu_usage: "CpuUsage",
      system_cpu_usage: "uint64?",
      online_cpus: "uint32?",
      throttling_data: "ThrottlingData",
    },
  },
  BlkioEntry: {
    about: "A counter of one device and operation.",
    fields: { major: "uint64", minor: "uint64", op: "string", value: "uint64" },
  },
  InterfaceStats: {
    about: "Counters of one interface.",
    fields: {
      rx_bytes: "uint64",
      rx_packets: "uint64",
      rx_errors: "uint64",
      rx_dropped: "uint64",
      tx_bytes: "uint64",
      tx_packets: "uint64",
      tx_errors: "uint64",
      tx_dropped: "uint64",
    },
  },
  PidsStats: {
    about: "Processes and threads.",
    fields: { current: "uint64?", limit: "uint64?" },
  },
  MemoryStats: {
    about: "Bytes.",
    fields: {
      usage: "uint64?",
      max_usage: "uint64?",
      limit: "uint64?",
      failcnt: "uint64?",
      stats: "{uint64}?",
    },
  },
  StatsBody: {
    about: "One sample.",
    fields: {
      name: "string",
      id: "string",
      read: "time",
      preread: "time",
      pids_stats: "PidsStats",
      blkio_stats: "{BlkioEntry[] | null}",
      num_procs: "uint32",
      storage_stats: "struct",
      cpu_stats: "CpuStats",
      precpu_stats: "CpuStats",
      memory_stats: "MemoryStats",
      networks: "{InterfaceStats}?",
    },
  },
};

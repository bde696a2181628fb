// Made from description/stats.ts by `npm run fix`: change it there.

/** Processor time. Nanoseconds. */
export interface CpuUsage {
  /** Nanoseconds. */
  total_usage: number;
  percpu_usage?: number[];
  usage_in_kernelmode: number;
  usage_in_usermode: number;
}

/** How often a limit of processor time held the container back. */
export interface ThrottlingData {
  periods: number;
  throttled_periods: number;
  throttled_time: number;
}

/** Of the container and, in system_cpu_usage, of the whole host. */
export interface CpuStats {
  cpu_usage: CpuUsage;
  system_cpu_usage?: number;
  online_cpus?: number;
  throttling_data: ThrottlingData;
}

/** A counter of one device and operation. */
export interface BlkioEntry {
  major: number;
  minor: number;
  op: string;
  value: number;
}

/** Counters of one interface. */
export interface InterfaceStats {
  rx_bytes: number;
  rx_packets: number;
  rx_errors: number;
  rx_dropped: number;
  tx_bytes: number;
  tx_packets: number;
  tx_errors: number;
  tx_dropped: number;
}

/** Processes and threads. */
export interface PidsStats {
  current?: number;
  limit?: number;
}

/** Bytes. */
export interface MemoryStats {
  usage?: number;
  max_usage?: number;
  limit?: number;
  failcnt?: number;
  stats?: Record<string, number>;
}

/** One sample. */
export interface StatsBody {
  name: string;
  id: string;
  read: string;
  preread: string;
  pids_stats: PidsStats;
  blkio_stats: Record<string, BlkioEntry[] | null>;
  num_procs: number;
  storage_stats: object;
  cpu_stats: CpuStats;
  precpu_stats: CpuStats;
  memory_stats: MemoryStats;
  networks?: Record<string, InterfaceStats>;
}

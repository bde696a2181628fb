import type { InterfaceCounters } from "../../domain/network.ts";

/**
 * Counters of a workload's interface from `rtnl_link_stats64` of the bridge port at the other end:
 * what the port received is what the workload sent.
 */
export function readInterfaceCounters(statistics: Buffer): InterfaceCounters {
  const value = (index: number): number => Number(statistics.readBigUInt64LE(index * 8));
  return {
    receivedPackets: value(1),
    sentPackets: value(0),
    receivedBytes: value(3),
    sentBytes: value(2),
    receivedErrors: value(5),
    sentErrors: value(4),
    receivedDropped: value(7),
    sentDropped: value(6),
  };
}

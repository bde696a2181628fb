import { performance, type EventLoopUtilization } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Log } from "../kit/log.ts";
import { systemCall } from "../kit/syscalls.ts";

const lookMilliseconds = 10_000;
/** Between two times: the clients of a daemon that always has a little to do must not wait often. */
const shortestMilliseconds = 60_000;
/** Share of such an interval for which a quiet daemon's loop is busy at most. */
const quietShare = 0.1;
/** Microseconds of processor time without which there is nothing new to give back. */
const leastWork = 500_000;

type Collect = (options: {
  readonly type: "major";
  readonly flavor: "last-resort";
  readonly execution: "sync";
}) => void;

/**
 * Gives memory back to the host when the daemon has become quiet after work. By itself V8 keeps the
 * pages of a heap that was large once, and the C library those of freed buffers: a third of what is
 * resident. Takes some 50 ms, which is why it waits for quiet.
 */
export function returnMemoryWhenQuiet(log: Log): Disposable {
  let [utilization, spent] = [performance.eventLoopUtilization(), 0];
  let last = Number.NEGATIVE_INFINITY;
  const look = (): void => {
    const since: EventLoopUtilization = performance.eventLoopUtilization(utilization);
    utilization = performance.eventLoopUtilization();
    if (since.utilization > quietShare || processorTime() - spent < leastWork) return;
    if (performance.now() - last < shortestMilliseconds) return;
    last = performance.now();
    const before = process.memoryUsage.rss();
    giveBack();
    spent = processorTime();
    log.debug("memory-returned", { before, after: process.memoryUsage.rss() });
  };
  const timer = setInterval(look, lookMilliseconds).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Microseconds. */
function processorTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

let collect: Collect | undefined;

function giveBack(): void {
  collect ??= collector();
  collect({ type: "major", flavor: "last-resort", execution: "sync" });
  systemCall("int malloc_trim(size_t)", 0);
}

/** V8's `gc`, which is to be had in contexts made after the flag was set. */
function collector(): Collect {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as Collect;
}

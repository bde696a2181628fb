import { openSync, writeSync } from "node:fs";
import { processorWait } from "./processor-wait.ts";

/**
 * Loaded into the daemon under load (`node --import`): watches its event loop from inside, and appends to
 * the file DUET_LOAD_PROBE twice a second how long the loop was held up at most. What the kernel kept the
 * thread waiting for a processor (schedstat) is told apart: that is the machine's share and not the daemon's.
 */
const tickMilliseconds = 5;
const reportMilliseconds = 500;

const file = process.env["DUET_LOAD_PROBE"] ?? "";
if (file !== "") watch(openSync(file, "a"), processorWait());

function watch(report: number, waitedSoFar: () => number): void {
  let [last, lastWaited, reported] = [performance.now(), waitedSoFar(), performance.now()];
  let [longest, longestOwn] = [0, 0];
  const tick = (): void => {
    const [now, waited] = [performance.now(), waitedSoFar()];
    const late = Math.max(0, now - last - tickMilliseconds);
    longest = Math.max(longest, late);
    longestOwn = Math.max(longestOwn, late - (waited - lastWaited));
    if (now - reported > reportMilliseconds) {
      writeSync(report, `${JSON.stringify({ at: Date.now(), longest, own: longestOwn })}\n`);
      [longest, longestOwn, reported] = [0, 0, now];
    }
    [last, lastWaited] = [performance.now(), waited];
  };
  setInterval(tick, tickMilliseconds).unref();
}

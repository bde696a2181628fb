import { setTimeout as delay } from "node:timers/promises";
import { inParallel } from "../api.ts";
import { waitsText, type LoadCase } from "../case.ts";

/** J114: many containers started, some at once, and all removed. */
export const startsCase: LoadCase = {
  name: "starts",
  run: async ({ api, observer, scale }) => {
    const times: number[] = [];
    const ids: string[] = [];
    const broken: string[] = [];
    const work = async (): Promise<void> => {
      await inParallel(Array.from({ length: scale.containers }), scale.atOnce, async () => {
        const start = performance.now();
        try {
          ids.push(await api.run(["sleep", "3600"]));
          times.push(performance.now() - start);
        } catch (error) {
          broken.push(String(error));
        }
      });
    };
    const begin = performance.now();
    const { waits } = await observer.pinging(work);
    const seconds = (performance.now() - begin) / 1_000;
    await delay(500);
    const full = await observer.look();
    const removing = performance.now();
    await api.remove(ids, scale.atOnce);
    const removed = (performance.now() - removing) / 1_000;
    const sorted = times.toSorted((a, b) => a - b);
    const each = (full.shimPrivate / Math.max(1, full.shims) / 1_024).toFixed(0);
    return {
      title: `${scale.containers} containers started, ${scale.atOnce} at once`,
      notes: [
        `${ids.length} ran after ${seconds.toFixed(1)} s; median ${sorted[sorted.length >> 1]?.toFixed(0)} ms each; removed in ${removed.toFixed(1)} s`,
        `while they ran: ${full.shims} shims of ${each} KiB private memory and ${(full.shimDescriptors / Math.max(1, full.shims)).toFixed(1)} descriptors, daemon ${full.descriptors} descriptors`,
        waitsText(waits),
      ],
      broken: broken.slice(0, 5),
    };
  },
};

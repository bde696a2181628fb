import { setTimeout as delay } from "node:timers/promises";
import { waitsText, type LoadCase } from "../case.ts";
import { flatness } from "../flatness.ts";

/** J115: execs at a steady rate in a few containers. */
export const execsCase: LoadCase = {
  name: "execs",
  run: async ({ api, observer, scale, signal }) => {
    const ids = await Promise.all(Array.from({ length: 4 }, () => api.run(["sleep", "3600"])));
    const broken: string[] = [];
    const running = new Set<Promise<void>>();
    const one = async (id: string): Promise<void> => {
      try {
        const code = await api.exec(id, ["true"]);
        if (code !== 0) broken.push(`an exec ended with ${code}`);
      } catch (error) {
        broken.push(String(error));
      }
    };
    const total = Math.round(scale.execsPerMinute * scale.minutes);
    const begin = performance.now();
    const work = async (): Promise<void> => {
      for (let made = 0; made < total; made += 1) {
        const due = begin + (made * 60_000) / scale.execsPerMinute;
        await delay(Math.max(0, due - performance.now()), undefined, { signal });
        const exec = one(ids[made % ids.length]!).finally(() => running.delete(exec));
        running.add(exec);
      }
      await Promise.all(running);
    };
    const from = observer.holdings.length;
    const { waits } = await observer.pinging(() =>
      observer.during(work, Math.max(500, (scale.minutes * 60_000) / 100)),
    );
    const seconds = (performance.now() - begin) / 1_000;
    const flat = flatness(observer.holdings.slice(from));
    await api.remove(ids, ids.length);
    return {
      title: `${scale.execsPerMinute} execs a minute for ${scale.minutes} min`,
      notes: [`${total} execs in ${seconds.toFixed(0)} s`, ...flat.notes, waitsText(waits)],
      broken: [...broken.slice(0, 5), ...flat.broken],
    };
  },
};

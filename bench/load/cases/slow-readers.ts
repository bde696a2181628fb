import { setTimeout as delay } from "node:timers/promises";
import { waitsText, type LoadCase } from "../case.ts";

const mebibyte = 1 << 20;
/** What the daemon may keep for all readers that stopped, beyond what it had. */
const mostKept = 96 * mebibyte;

/** J117, J118: clients of events, statistics and attachments that stop reading, and come back. */
export const slowReadersCase: LoadCase = {
  name: "slow-readers",
  run: async ({ api, observer, scale, signal }) => {
    const id = await api.run(["sh", "-c", "while true; do echo some words; done"]);
    const quiet = await api.run(["sleep", "3600"]);
    const before = await observer.look();
    const count = Math.max(4, Math.floor(scale.subscribers / 5));
    const attached = await Promise.all(
      Array.from({ length: count }, () => api.hijack(`/containers/${id}/attach?stream=1&stdout=1`)),
    );
    const events = await Promise.all(
      Array.from({ length: count }, () => api.stream("GET", "/events")),
    );
    const figures = await Promise.all(
      Array.from({ length: count }, () => api.stream("GET", `/containers/${id}/stats`)),
    );
    let happened = 0;
    const work = async (): Promise<void> => {
      const end = performance.now() + scale.pausedSeconds * 1_000;
      while (performance.now() < end) {
        // Two events each.
        await api.ok("POST", `/containers/${quiet}/pause`);
        await api.ok("POST", `/containers/${quiet}/unpause`);
        happened += 2;
        if (happened % 100 === 0) await delay(1, undefined, { signal });
      }
    };
    const { waits } = await observer.pinging(() => observer.during(work, 1_000));
    const peak = Math.max(...observer.holdings.map(({ rss }) => rss));
    // Whoever comes back gets what was kept, or the end of the stream.
    const woken = await Promise.all(
      [...attached, ...figures].map(async (stream) => await firstBytes(stream)),
    );
    for (const stream of [...attached, ...events, ...figures]) stream.destroy();
    await api.remove([id, quiet], 2);
    const broken: string[] = [];
    if (peak - before.rss > mostKept)
      broken.push(`the daemon grew by ${((peak - before.rss) / mebibyte).toFixed(0)} MiB`);
    const dead = woken.filter((bytes) => bytes === 0).length;
    if (dead > 0) broken.push(`${dead} readers that came back got nothing`);
    return {
      title: `${3 * count} readers (attach, stats, events) that do not read for ${scale.pausedSeconds} s`,
      notes: [
        `${happened} events meanwhile; daemon ${(before.rss / mebibyte).toFixed(0)} MiB resident before, ${(peak / mebibyte).toFixed(0)} MiB at most`,
        waitsText(waits),
      ],
      broken,
    };
  },
};

async function firstBytes(stream: NodeJS.ReadableStream): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  stream.once("data", (chunk: Buffer) => resolve(chunk.length));
  stream.once("end", () => resolve(0)).once("close", () => resolve(0));
  stream.resume();
  return await promise;
}

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { waitsText, type LoadCase } from "../case.ts";

const mebibyte = 1 << 20;
/** Docker's default has no bound; Duet's is three files of 10 MiB, and what a rotation overlaps. */
const mostLog = 40 * mebibyte;
const line = "x".repeat(120);

/** J116, J117: a container that prints as fast as it can, and a client that follows its log without reading. */
export const floodCase: LoadCase = {
  name: "flood",
  run: async (context) => {
    const { api, observer, scale, dataRoot } = context;
    const id = await api.run(["yes", line]);
    const lagging = await api.stream("GET", `/containers/${id}/logs?follow=1&stdout=1`);
    let largest = 0;
    let reads = 0;
    const work = async (): Promise<void> => {
      const end = performance.now() + scale.floodSeconds * 1_000;
      while (performance.now() < end) {
        largest = Math.max(largest, await folderBytes(join(dataRoot, "containers", id)));
        const logs = await api.call("GET", `/containers/${id}/logs?stdout=1&tail=5`);
        if (logs.status === 200) reads += 1;
        await delay(200, undefined, { signal: context.signal });
      }
    };
    const before = await observer.look();
    const { waits } = await observer.pinging(() => observer.during(work, 500));
    const peak = Math.max(...observer.holdings.map(({ rss }) => rss));
    lagging.destroy();
    await api.remove([id], 1);
    const broken: string[] = [];
    if (largest > mostLog)
      broken.push(`the log took ${(largest / mebibyte).toFixed(0)} MiB of disk`);
    if (waits.longest > scale.longestWait)
      broken.push(`another client waited ${waits.longest.toFixed(0)} ms`);
    if (reads === 0) broken.push("no client could read the log");
    return {
      title: `a container that prints for ${scale.floodSeconds} s, with a follower that does not read`,
      notes: [
        `at most ${(largest / mebibyte).toFixed(0)} MiB of log on disk, read ${reads} times meanwhile`,
        `daemon ${(before.rss / mebibyte).toFixed(0)} MiB resident before, ${(peak / mebibyte).toFixed(0)} MiB at most`,
        waitsText(waits),
      ],
      broken,
    };
  },
};

async function folderBytes(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const status = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    total += (status?.blocks ?? 0) * 512;
  }
  return total;
}

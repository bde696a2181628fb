import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "../api.ts";
import { waitsText, type LoadCase } from "../case.ts";

const mebibyte = 1 << 20;
/** Docker's default has no bound; Duet's is three files of 10 MiB, and what a rotation overlaps. */
const mostLog = 40 * mebibyte;
const line = "x".repeat(120);
const tail = 5;

/** J116, J117: a container that prints as fast as it can, and a client that follows its log without reading. */
export const floodCase: LoadCase = {
  name: "flood",
  run: async (context) => {
    const { api, observer, scale, dataRoot } = context;
    const id = await api.run(["yes", line]);
    const lagging = await api.stream("GET", `/containers/${id}/logs?follow=1&stdout=1`);
    let largest = 0;
    let [reads, wrong] = [0, 0];
    const work = async (): Promise<void> => {
      const end = performance.now() + scale.floodSeconds * 1_000;
      while (performance.now() < end) {
        largest = Math.max(largest, await folderBytes(join(dataRoot, "containers", id)));
        const logs = await api.call("GET", `/containers/${id}/logs?stdout=1&tail=${tail}`);
        if (logs.status === 200) reads += 1;
        if (logs.body.split("\n").length !== tail + 1) wrong += 1;
        await delay(200, undefined, { signal: context.signal });
      }
    };
    const before = await observer.look();
    const [printed, begin] = [await bytesWritten(api, id), performance.now()];
    const { waits } = await observer.pinging(() => observer.during(work, 500));
    const seconds = (performance.now() - begin) / 1_000;
    const rate = ((await bytesWritten(api, id)) - printed) / seconds / 1e6;
    const peak = Math.max(...observer.holdings.map(({ rss }) => rss));
    lagging.destroy();
    await api.remove([id], 1);
    const broken: string[] = [];
    if (largest > mostLog)
      broken.push(`the log took ${(largest / mebibyte).toFixed(0)} MiB of disk`);
    if (waits.longest > scale.longestWait)
      broken.push(`another client waited ${waits.longest.toFixed(0)} ms`);
    if (wrong > 0) broken.push(`${wrong} of ${reads} reads of the last ${tail} lines gave others`);
    if (reads === 0) broken.push("no client could read the log");
    return {
      title: `a container that prints for ${scale.floodSeconds} s, with a follower that does not read`,
      notes: [
        `${rate.toFixed(0)} MB/s were printed and logged`,
        `at most ${(largest / mebibyte).toFixed(0)} MiB of log on disk, read ${reads} times meanwhile`,
        `daemon ${(before.rss / mebibyte).toFixed(0)} MiB resident before, ${(peak / mebibyte).toFixed(0)} MiB at most`,
        waitsText(waits),
      ],
      broken,
    };
  },
};

/** What the main process of a container has written so far. */
async function bytesWritten(api: Api, id: string): Promise<number> {
  const { State } = (await api.ok("GET", `/containers/${id}/json`)) as {
    readonly State: { readonly Pid: number };
  };
  const text = await readFile(`/proc/${State.Pid}/io`, "utf8");
  return Number(/^wchar: (\d+)$/m.exec(text)?.[1]);
}

async function folderBytes(folder: string): Promise<number> {
  let total = 0;
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const status = await stat(join(entry.parentPath, entry.name)).catch(() => null);
    total += (status?.blocks ?? 0) * 512;
  }
  return total;
}

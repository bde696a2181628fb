import type { IncomingMessage } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "../api.ts";
import { waitsText, type LoadCase, type LoadContext } from "../case.ts";
import { flatness } from "../flatness.ts";

const watchSeconds = 10;

interface Reader {
  readonly answer: IncomingMessage;
  bytes: number;
}

async function open(api: Api, path: string): Promise<Reader> {
  const reader: Reader = { answer: await api.stream("GET", path), bytes: 0 };
  reader.answer.on("data", (chunk: Buffer) => (reader.bytes += chunk.length));
  return reader;
}

/** J117, J118: many clients that follow logs, statistics and events of containers that print a little. */
export const readersCase: LoadCase = {
  name: "readers",
  run: async (context) => {
    const { api, observer, scale } = context;
    const talk = ["sh", "-c", "while sleep 0.1; do echo tick; done"];
    const ids = await Promise.all(Array.from({ length: 5 }, () => api.run(talk)));
    const path = (index: number): string => ids[index % ids.length]!;
    const before = await observer.look();
    const opening: Promise<Reader>[] = [];
    for (let index = 0; index < scale.followers; index += 1)
      opening.push(open(api, `/containers/${path(index)}/logs?follow=1&stdout=1`));
    for (let index = 0; index < scale.subscribers; index += 1) {
      opening.push(open(api, `/containers/${path(index)}/stats`), open(api, "/events"));
    }
    const readers = await Promise.all(opening);
    const from = observer.holdings.length;
    const { waits } = await observer.pinging(() => observer.during(() => watch(context), 500));
    const flat = flatness(observer.holdings.slice(from));
    const during = observer.holdings.at(-1)!;
    await heard(readers, context);
    const silent = readers.filter(({ bytes }) => bytes === 0).length;
    for (const { answer } of readers) answer.destroy();
    await api.remove(ids, ids.length);
    await settled(context, before.descriptors);
    const after = await observer.look();
    const left = after.descriptors - before.descriptors;
    return {
      title: `${scale.followers} followers of logs, ${scale.subscribers} of stats, ${scale.subscribers} of events`,
      notes: [
        `${during.descriptors} descriptors while they read, ${after.descriptors} after they left (${before.descriptors} before)`,
        ...flat.notes,
        waitsText(waits),
      ],
      broken: [
        ...flat.broken,
        ...(silent > 0 ? [`${silent} readers got nothing`] : []),
        ...(left > 8 ? [`${left} descriptors are left`] : []),
      ],
    };
  },
};

/** Things happen that there are events of. */
async function watch({ api, scale, signal }: LoadContext): Promise<void> {
  const end = performance.now() + Math.min(watchSeconds, scale.minutes * 60) * 1_000;
  while (performance.now() < end) {
    const id = await api.run(["true"]);
    await api.ok("POST", `/containers/${id}/wait`);
    await api.remove([id], 1);
    await delay(200, undefined, { signal });
  }
}

/** Until each has got something: a figure of a container comes after a second, and later on a busy host. */
async function heard(readers: readonly Reader[], { signal }: LoadContext): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (readers.every(({ bytes }) => bytes > 0)) return;
    await delay(100, undefined, { signal });
  }
}

/** Closed connections are noticed a moment later. */
async function settled({ observer, signal }: LoadContext, descriptors: number): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if ((await observer.look()).descriptors <= descriptors + 8) return;
    await delay(100, undefined, { signal });
  }
}

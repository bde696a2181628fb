import { readdir } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { ForeignDisks } from "../../../src/domain/foreign-disk.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import type { TestDaemon } from "../../e2e/daemon.ts";
import { numbers, spoiled, type Victim } from "./spoil.ts";
import type { Verdict } from "./verdict.ts";

/** A disk that hangs what reads it is told as such, on the slowest machine too. */
const hangMilliseconds = 600_000;
const refusals: ReadonlySet<string> = new Set(["invalid", "unsupported", "too-large"]);

/** Takes a spoiled disk into a driver of this process: header, tables, qemu-img, but no machine. */
export async function takenCase(
  disks: ForeignDisks,
  directory: string,
  all: readonly Victim[],
  seed: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const { name, bytes } = spoiledOne(all, seed);
  const found: string[] = [];
  let outcome = "taken";
  try {
    const body = Readable.from([bytes], { objectMode: true });
    const until = AbortSignal.any([signal, AbortSignal.timeout(hangMilliseconds)]);
    await using disk = await disks.take(body, null, until);
    for (const partition of disk.partitions) await disk.open(partition);
  } catch (error) {
    signal.throwIfAborted();
    outcome = isDuetError(error) ? `${error.class} ${error.code}` : "no error of Duet's";
    if (!isDuetError(error) || !refusals.has(error.class)) found.push(String(error));
  }
  const left = await readdir(directory);
  if (left.length > 0) found.push(`${left.length} left`);
  return { name, found, outcome };
}

function spoiledOne(all: readonly Victim[], seed: number): Pick<Victim, "name" | "bytes"> {
  const below = numbers(seed);
  const victim = all[below(all.length)]!;
  return { name: `${seed}: ${victim.name}`, bytes: spoiled(victim, below) };
}

/** Sends a spoiled disk to a daemon, which has to answer others all the while. */
export async function hostileCase(
  daemon: TestDaemon,
  all: readonly Victim[],
  seed: number,
  signal: AbortSignal,
): Promise<Verdict> {
  const { name, bytes } = spoiledOne(all, seed);
  const found: string[] = [];
  const sending = { isOver: false };
  let slowestPing = 0;
  const pings = (async () => {
    while (!sending.isOver) {
      const asked = performance.now();
      await daemon.request("GET", "/_ping").body.catch((error: unknown) => {
        found.push(`a ping was not answered: ${String(error)}`);
        sending.isOver = true;
      });
      slowestPing = Math.max(slowestPing, performance.now() - asked);
    }
  })();
  const [status, said] = await send(daemon, bytes, signal);
  sending.isOver = true;
  await pings;
  signal.throwIfAborted();
  if (!isTyped(status)) found.push(`${status} ${said.trim().slice(0, 400)}`);
  const left = await readdir(join(daemon.folder, "data/foreign-disks"));
  if (left.length > 0) found.push(`${left.length} left`);
  if (status === 201) await daemon.tryDocker(["image", "prune", "-af"]);
  const code = /"code":"(\w+)"/.exec(said)?.[1] ?? "";
  return { name, found, outcome: `${status} ${code}`.trim(), slowestPing };
}

function isTyped(status: number): boolean {
  return status === 201 || (status >= 400 && status < 500) || status === 501;
}

/** Status 0 where there is no answer. */
async function send(
  daemon: TestDaemon,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<readonly [status: number, said: string]> {
  return await new Promise((resolve) => {
    const nothing = (error: unknown): void => resolve([0, String(error)]);
    const asked = request({
      socketPath: daemon.socket,
      method: "POST",
      path: "/duet/v1/images/import-disk",
      signal: AbortSignal.any([signal, AbortSignal.timeout(hangMilliseconds)]),
    });
    asked.on("response", (answer) => {
      text(answer).then((said) => resolve([answer.statusCode ?? 0, said]), nothing);
    });
    asked.on("error", nothing);
    asked.end(bytes);
  });
}

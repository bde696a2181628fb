import { createHash } from "node:crypto";
import { run } from "../../src/kit/subprocess.ts";
import type { TestDaemon } from "./daemon.ts";

const searchMilliseconds = 180_000;

/** Groups below a daemon's parent; only the parent itself may stay, which this takes away. */
export async function cgroupsLeft(parent: string): Promise<string[]> {
  const find = async (...expression: string[]): Promise<string[]> => {
    const found = await run("find", ["/sys/fs/cgroup", ...expression], {
      signal: AbortSignal.timeout(searchMilliseconds),
      okCodes: [0, 1],
    });
    return found.stdout.toString().split("\n").filter(Boolean);
  };
  const left = await find("-path", `*${parent}/*`, "-type", "d");
  if (left.length === 0) await find("-name", parent.slice(1), "-type", "d", "-delete");
  return left;
}

/** The default bridge stays with its rules, as on a host; no port of it, and no other bridge. */
export async function networkLeft(
  daemon: Pick<TestDaemon, "tryOnHost">,
  dataRoot: string,
): Promise<string[]> {
  const instance = createHash("sha256").update(dataRoot).digest("hex").slice(0, 6);
  const shown = async (...words: [string, ...string[]]): Promise<string> =>
    (await daemon.tryOnHost(words)).stdout.toString();
  const text = await shown("ip", "-d", "-o", "link");
  const links = text.split("\n").filter((line) => line.includes(`alias duet:${instance}:`));
  const isBridge = (line: string): boolean => line.includes(" bridge forward_delay ");
  const rules = await shown("nft", "list", "table", "inet", `duet_${instance}`);
  const elements = [...rules.matchAll(/"dv[0-9a-f]{12}"/g)].map(([name]) => `rule of ${name}`);
  const ports = links.filter((line) => !isBridge(line));
  return [...ports, ...links.filter(isBridge).slice(1), ...elements];
}

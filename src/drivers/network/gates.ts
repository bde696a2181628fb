import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../../kit/subprocess.ts";

/** Packets that come in from a bridge or go out to it; `translated` only those led here by a dnat rule. */
export interface Passage {
  readonly direction: "in" | "out";
  readonly bridge: string;
  readonly translated: boolean;
}

/** A passage that stands in a chain; `handle` is how the chain's tool names the rule. */
export interface OpenPassage {
  readonly passage: Passage;
  readonly handle: number;
}

/** A foreign chain that drops by policy, and how to put our accepts after its own rules. */
export interface Gate {
  readonly name: string;
  readonly hook: "input" | "forward";
  list(tag: string, signal: AbortSignal): Promise<readonly OpenPassage[]>;
  add(passage: Passage, tag: string, signal: AbortSignal): Promise<void>;
  remove(open: OpenPassage, tag: string, signal: AbortSignal): Promise<void>;
}

/** A chain of iptables (either kind), changed with its own tool so that this still understands it. */
export function iptablesGate(program: string, chain: string, hook: "input" | "forward"): Gate {
  const call = async (args: readonly string[], signal: AbortSignal): Promise<string> => {
    const { stdout } = await run(program, ["-w", "5", ...args], { signal });
    return stdout.toString("utf8");
  };
  const specification = (passage: Passage, tag: string): string[] => [
    passage.direction === "in" ? "-i" : "-o",
    passage.bridge,
    ...(passage.translated ? ["-m", "conntrack", "--ctstate", "DNAT"] : []),
    "-m",
    "comment",
    "--comment",
    tag,
    "-j",
    "ACCEPT",
  ];
  return {
    name: `${program} ${chain}`,
    hook,
    list: async (tag, signal) => ours((await call(["-S", chain], signal)).split("\n"), tag),
    add: async (passage, tag, signal) => {
      const rules = (await call(["-S", chain], signal)).split("\n").slice(1);
      const barrier = rules.findIndex((line) => isBarrierLine(line, chain));
      const place = barrier === -1 ? ["-A", chain] : ["-I", chain, String(barrier + 1)];
      await call([...place, ...specification(passage, tag)], signal);
    },
    remove: async ({ passage }, tag, signal) => {
      await call(["-D", chain, ...specification(passage, tag)], signal);
    },
  };
}

/** A rule without condition that ends the chain. */
function isBarrierLine(line: string, chain: string): boolean {
  return line.startsWith(`-A ${chain} -j DROP`) || line.startsWith(`-A ${chain} -j REJECT`);
}

/** Whether the chain drops what its rules do not know. */
export async function iptablesDrops(
  program: string,
  chain: string,
  signal: AbortSignal,
): Promise<boolean> {
  const { stdout } = await run(program, ["-w", "5", "-S", chain], { signal });
  const lines = stdout.toString("utf8").split("\n");
  return lines.some((line) => line === `-P ${chain} DROP` || isBarrierLine(line, chain));
}

function ours(lines: readonly string[], tag: string): OpenPassage[] {
  return lines.flatMap((line, index) => {
    const words = line.split(" ");
    const comment = words[words.indexOf("--comment") + 1];
    if (words[0] !== "-A" || comment !== tag) return [];
    const direction = words[2] === "-i" ? "in" : "out";
    const passage = {
      direction,
      bridge: words[3] ?? "",
      translated: words.includes("DNAT"),
    } as const;
    return [{ passage, handle: index }];
  });
}

interface NftRule {
  readonly handle: number;
  readonly comment: string;
  readonly expr: readonly unknown[];
}

/** A chain of nftables, changed with JSON, so that no name in it can be read as anything else. */
export function nftGate(
  family: "inet" | "ip" | "ip6",
  table: string,
  chain: string,
  hook: "input" | "forward",
): Gate {
  const place = { family, table, chain };
  return {
    name: `${family} ${table} ${chain}`,
    hook,
    list: async (tag, signal) =>
      (await nftRules(place, signal))
        .filter((rule) => rule.comment === tag)
        .flatMap((rule) => {
          const passage = passageOf(rule);
          return passage === undefined ? [] : [{ passage, handle: rule.handle }];
        }),
    add: async (passage, tag, signal) => {
      const rule = { ...place, expr: expressionOf(passage), comment: tag };
      const barrier = (await nftRules(place, signal)).find(isBarrier);
      const command =
        barrier === undefined
          ? { add: { rule } }
          : { insert: { rule: { ...rule, handle: barrier.handle } } };
      await nftJson(command, signal);
    },
    remove: async ({ handle }, _tag, signal) => {
      await nftJson({ delete: { rule: { ...place, handle } } }, signal);
    },
  };
}

function expressionOf(passage: Passage): unknown[] {
  const key = passage.direction === "in" ? "iifname" : "oifname";
  return [
    { match: { op: "==", left: { meta: { key } }, right: passage.bridge } },
    ...(passage.translated
      ? [{ match: { op: "in", left: { ct: { key: "status" } }, right: "dnat" } }]
      : []),
    { accept: null },
  ];
}

function passageOf(rule: NftRule): Passage | undefined {
  const text = JSON.stringify(rule.expr);
  const found =
    /"key":"([io])ifname"\}\},"right":"([^"]+)"|"right":"([^"]+)","left":\{"meta":\{"key":"([io])ifname"/.exec(
      text,
    );
  const direction = found?.[1] ?? found?.[4];
  const bridge = found?.[2] ?? found?.[3];
  if (direction === undefined || bridge === undefined) return undefined;
  return {
    direction: direction === "i" ? "in" : "out",
    bridge,
    translated: text.includes('"dnat"'),
  };
}

/** A rule without condition that ends the chain: nothing after it is ever seen. */
function isBarrier(rule: NftRule): boolean {
  const only = rule.expr.find((one) => !hasKey(one, "counter") && !hasKey(one, "log"));
  const isAlone = rule.expr.every((one) => !hasKey(one, "match"));
  return isAlone && (hasKey(only, "drop") || hasKey(only, "reject"));
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}

async function nftRules(
  place: { readonly family: string; readonly table: string; readonly chain: string },
  signal: AbortSignal,
): Promise<NftRule[]> {
  const { stdout } = await run(
    "nft",
    ["-j", "-a", "list", "chain", place.family, place.table, place.chain],
    { signal },
  );
  const answer = JSON.parse(stdout.toString("utf8")) as {
    nftables?: { rule?: Partial<NftRule> }[];
  };
  return (answer.nftables ?? []).flatMap(({ rule }) =>
    rule === undefined
      ? []
      : [{ handle: rule.handle ?? 0, comment: rule.comment ?? "", expr: rule.expr ?? [] }],
  );
}

async function nftJson(command: unknown, signal: AbortSignal): Promise<void> {
  const file = join(tmpdir(), `.duet-nft-${randomBytes(8).toString("hex")}`);
  await writeFile(file, JSON.stringify({ nftables: [command] }), { mode: 0o600, flag: "wx" });
  try {
    await run("nft", ["-j", "-f", file], { signal });
  } finally {
    await rm(file, { force: true });
  }
}

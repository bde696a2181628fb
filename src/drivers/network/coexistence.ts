import { readFileSync } from "node:fs";
import { NetlinkSocket, protocol } from "../../kit/netlink/socket.ts";
import type { Log } from "../../kit/log.ts";
import { run } from "../../kit/subprocess.ts";
import { listForeignChains, type ForeignChain } from "./foreign-chains.ts";
import { iptablesDrops, iptablesGate, nftGate, type Gate, type Passage } from "./gates.ts";

/** Milliseconds in which the changes of one reload of a foreign firewall come together. */
const settleMilliseconds = 100;

/**
 * Lets our traffic pass where another firewall of the host (Docker, ufw, firewalld, the admin's own)
 * drops by policy what it does not know: an accept for our bridges after all of its own rules, with
 * our tag, taken back when the bridge goes. Nothing of theirs is changed. The reasons:
 * docs/internals/decisions/0003-network-coexistence.md.
 */
export class ForeignFirewalls {
  private readonly tag: string;
  private readonly log: Log;
  private readonly socket = new NetlinkSocket(protocol.netfilter);
  private bridges: readonly string[] = [];
  /** Bridges that firewalld has in its zone because of us. */
  private readonly zoned = new Set<string>();
  /** Chains that hold, or may hold, rules of ours. */
  private readonly opened = new Map<string, Gate>();
  private work: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(tag: string, log: Log) {
    this.tag = tag;
    this.log = log;
  }

  /** Makes foreign firewalls let exactly these bridges pass. */
  async sync(bridges: readonly string[], signal: AbortSignal): Promise<void> {
    this.bridges = bridges;
    await this.run(signal);
    if (bridges.length === 0) this.opened.clear();
  }

  /** Somebody's tables changed: looks again once that has come to rest. */
  changed(): void {
    if (this.closed || this.bridges.length === 0) return;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.zoned.clear();
      this.run(AbortSignal.timeout(10_000)).catch((error: unknown) =>
        this.log.warn("foreign-firewall-unreadable", { error }),
      );
    }, settleMilliseconds).unref();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.socket.close();
  }

  private async run(signal: AbortSignal): Promise<void> {
    const before = this.work;
    const mine = (async () => {
      await before.catch(() => undefined);
      if (!this.closed) await this.syncNow(signal);
    })();
    this.work = mine;
    await mine;
  }

  private async syncNow(signal: AbortSignal): Promise<void> {
    const chains = listForeignChains(this.socket, this.tag);
    const gates = chains.filter((one) => one.drops).map((one) => this.gateOf(one));
    for (const gate of [...gates, ...(await legacyGates(signal))]) this.opened.set(gate.name, gate);
    for (const gate of this.opened.values()) {
      try {
        await this.open(gate, signal);
      } catch (error) {
        signal.throwIfAborted();
        this.opened.delete(gate.name);
        this.log.warn("foreign-firewall-closed", { chain: gate.name, error });
      }
    }
    const firewalld = chains.some((one) => one.table === "firewalld" && one.hook === "forward");
    if (firewalld) await this.syncFirewalld(signal);
  }

  private async open(gate: Gate, signal: AbortSignal): Promise<void> {
    const wanted = new Map(
      this.bridges
        .flatMap((bridge) => passagesOf(gate.hook, bridge))
        .map((one) => [keyOf(one), one]),
    );
    const present = await gate.list(this.tag, signal);
    for (const one of present) {
      if (!wanted.delete(keyOf(one.passage))) await gate.remove(one, this.tag, signal);
    }
    for (const passage of wanted.values()) await gate.add(passage, this.tag, signal);
    if (wanted.size > 0) this.log.info("foreign-firewall-passed", { chain: gate.name });
  }

  private gateOf(chain: ForeignChain): Gate {
    const native = nftGate(chain.family, chain.table, chain.name, chain.hook);
    const isIptables = chain.table === "filter" && /^(FORWARD|INPUT)$/.test(chain.name);
    if (!isIptables || chain.family === "inet") return native;
    return iptablesGate(
      chain.family === "ip" ? "iptables-nft" : "ip6tables-nft",
      chain.name,
      chain.hook,
    );
  }

  /** firewalld rejects what is in no zone that accepts: our own rules decide instead. */
  private async syncFirewalld(signal: AbortSignal): Promise<void> {
    for (const bridge of this.zoned) {
      if (this.bridges.includes(bridge)) continue;
      await this.firewallCommand("remove", bridge, signal);
      this.zoned.delete(bridge);
    }
    for (const bridge of this.bridges) {
      if (this.zoned.has(bridge)) continue;
      await this.firewallCommand("add", bridge, signal);
      this.zoned.add(bridge);
    }
  }

  private async firewallCommand(
    verb: "add" | "remove",
    bridge: string,
    signal: AbortSignal,
  ): Promise<void> {
    const args = ["--zone=trusted", `--${verb}-interface=${bridge}`];
    try {
      // 11 and 16: it is in the zone already; 15, 17: it is not in it.
      await run("firewall-cmd", args, { signal, okCodes: [0, 11, 15, 16, 17] });
    } catch (error) {
      signal.throwIfAborted();
      this.log.warn("firewalld-not-told", { bridge, error });
    }
  }
}

/** What has to pass: everything routed from or to a bridge, and questions to its DNS server. */
function passagesOf(hook: "input" | "forward", bridge: string): Passage[] {
  if (hook === "input") return [{ direction: "in", bridge, translated: true }];
  return [
    { direction: "in", bridge, translated: false },
    { direction: "out", bridge, translated: false },
  ];
}

function keyOf(passage: Passage): string {
  return `${passage.direction} ${passage.bridge} ${passage.translated}`;
}

/** The chains of iptables-legacy that drop; nftables does not show them. Read only where they are in use. */
async function legacyGates(signal: AbortSignal): Promise<Gate[]> {
  const gates: Gate[] = [];
  for (const [path, program] of [
    ["/proc/net/ip_tables_names", "iptables-legacy"],
    ["/proc/net/ip6_tables_names", "ip6tables-legacy"],
  ] as const) {
    if (!isInUse(path)) continue;
    for (const hook of ["forward", "input"] as const) {
      const chain = hook.toUpperCase();
      if (await iptablesDrops(program, chain, signal))
        gates.push(iptablesGate(program, chain, hook));
    }
  }
  return gates;
}

function isInUse(path: string): boolean {
  try {
    return readFileSync(path, "utf8").split("\n").includes("filter");
  } catch {
    return false;
  }
}

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import type { Log } from "../../kit/log.ts";

const root = "/proc/sys/net";

/** Synchronous on purpose: /proc/sys/net shows the network namespace of the thread that opens it. */
function read(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), "utf8").trim();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

function write(path: string, value: string): void {
  if (read(path) === value) return;
  try {
    writeFileSync(join(root, path), value);
  } catch (cause) {
    const name = path.replaceAll("/", ".");
    throw new DuetError(
      "denied",
      "SYSCTL_DENIED",
      `cannot set the kernel setting net.${name} to ${value}`,
      {
        cause,
        hint: "run the daemon as root, with /proc/sys writable",
      },
    );
  }
}

/** Kernel settings: those of our own bridges, and the two of the host that routing needs. */
export class HostSettings {
  private readonly statePath: string;
  private readonly log: Log;

  constructor(statePath: string, log: Log) {
    this.statePath = statePath;
    this.log = log;
  }

  /** No address that nobody asked for, and no router that a workload announces. */
  prepareBridge(bridge: string, ipv6: boolean): void {
    if (read(`ipv6/conf/${bridge}/disable_ipv6`) === undefined) return;
    write(`ipv6/conf/${bridge}/accept_ra`, "0");
    write(`ipv6/conf/${bridge}/accept_redirects`, "0");
    // Addresses are ours to give: looking for duplicates would hold the first packets back for a second.
    write(`ipv6/conf/${bridge}/accept_dad`, "0");
    write(`ipv6/conf/${bridge}/disable_ipv6`, ipv6 ? "0" : "1");
  }

  /** Lets connections from the host's 127.0.0.1 leave by this bridge, and no other device. */
  routeLoopback(bridge: string): void {
    write(`ipv4/conf/${bridge}/route_localnet`, "1");
  }

  hasIpv6(): boolean {
    return read("ipv6/conf/lo/disable_ipv6") === "0";
  }

  /** Whether bridged frames run through the host's IP rules (br_netfilter). */
  bridgesFilter(): boolean {
    return read("bridge/bridge-nf-call-iptables") === "1";
  }

  /**
   * Turns routing on where it is off, says so and remembers it. It stays on: others may have come
   * to rely on it.
   */
  async enableForwarding(ipv6: boolean): Promise<void> {
    await this.enable("ipv4/ip_forward", "net.ipv4.ip_forward");
    if (!ipv6 || read("ipv6/conf/all/forwarding") === "1") return;
    // A host that forwards ignores router advertisements unless told otherwise: keep what it has.
    for (const device of readdirSync(join(root, "ipv6/conf"))) {
      const path = `ipv6/conf/${device}/accept_ra`;
      if (device !== "all" && device !== "lo" && read(path) === "1") write(path, "2");
    }
    await this.enable("ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding");
  }

  private async enable(path: string, name: string): Promise<void> {
    const before = read(path);
    if (before === undefined || before === "1") return;
    write(path, "1");
    this.log.info("forwarding-enabled", { setting: name, before });
    await this.remember(name, before);
  }

  private async remember(name: string, before: string): Promise<void> {
    const known = this.changed();
    if (Object.hasOwn(known, name)) return;
    await writeFileAtomic(
      this.statePath,
      JSON.stringify({ changed: { ...known, [name]: before } }),
    );
  }

  private changed(): Record<string, unknown> {
    try {
      const state: unknown = JSON.parse(readFileSync(this.statePath, "utf8"));
      if (typeof state !== "object" || state === null || !("changed" in state)) return {};
      return typeof state.changed === "object" ? { ...state.changed } : {};
    } catch {
      return {};
    }
  }
}

import type { ResourceLimits } from "../../domain/limits.ts";
import type { InterfaceSetup, LinkTarget } from "../../domain/network.ts";
import type { RootfsSession } from "../../domain/rootfs.ts";
import type {
  ProcessList,
  Workload,
  WorkloadProcess,
  WorkloadSpec,
  WorkloadStats,
} from "../../domain/runtime.ts";
import type { Field } from "../../domain/shim.ts";
import { never, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { cardOf, plugCard, tapOf, unplugCard } from "./cards.ts";
import { networkFields } from "./guest-fields.ts";
import type { Qmp } from "./qmp.ts";
import { ShimmedMachine, type MachineParts } from "./shimmed-machine.ts";
import { diskUsage, workloadStats } from "./stats.ts";

const sigkill = 9;
/** What asks a program or an init to end: HUP, INT, QUIT, TERM, PWR and systemd's RTMIN+3. */
const powerSignals: ReadonlySet<number> = new Set([1, 2, 3, 15, 30, 37]);
const recordMilliseconds = 5_000;

export interface ApplianceParts extends MachineParts {
  /** What the guest is told by DHCP beside its addresses; none for a workload that was found again: the shim knows. */
  readonly told: readonly Field[];
}

/** Name servers and search list of resolv.conf(5), and the name: what DHCP can say. */
export function toldFields(
  spec: Pick<WorkloadSpec, "files" | "hostname" | "domainname">,
): readonly Field[] {
  const words = (spec.files["/etc/resolv.conf"] ?? "").split("\n").map((line) => line.split(/\s+/));
  const servers = words.filter(([key]) => key === "nameserver").map(([, address = ""]) => address);
  const search = words.find(([key]) => key === "search")?.[1] ?? "";
  return [
    ...servers.map((address): Field => [fieldTag.nameserver, address]),
    [fieldTag.hostname, spec.hostname],
    [fieldTag.domainname, spec.domainname || search],
  ];
}

/** A machine that boots its own disk: there is nobody inside to ask, and nothing that is pretended. */
export class ApplianceWorkload extends ShimmedMachine<ApplianceParts> implements Workload {
  /** QEMU's greeting says that it took its disk. */
  async create(signal: AbortSignal): Promise<void> {
    try {
      await this.monitor(async () => undefined, signal);
    } catch (error) {
      signal.throwIfAborted();
      throw await this.explained(error);
    }
    await this.parts.link.request(messageType.create, [], signal);
  }

  private async explained(cause: unknown): Promise<unknown> {
    const until = withDeadline(never, recordMilliseconds, "the machine's end");
    const record = await this.parts.link.wait(until).catch(() => undefined);
    if (record === undefined) return cause;
    const why = record.error ?? `QEMU ended with exit code ${record.code}`;
    return new DuetError("unavailable", "MACHINE_FAILED", `the machine did not start: ${why}`, {
      cause,
    });
  }

  async plug(interfaceName: string, mac: string, signal: AbortSignal): Promise<LinkTarget> {
    const { monitor, name } = this.parts;
    const card = cardOf(interfaceName);
    const device = tapOf(name, card);
    await plugCard(monitor, card, device, mac, signal);
    return { kind: "tap", device };
  }

  async unplug(interfaceName: string, signal: AbortSignal): Promise<void> {
    await unplugCard(this.parts.monitor, cardOf(interfaceName), signal);
  }

  /** The shim answers the guest's DHCP with it: the guest sets its cards up itself, if it wants to. */
  async configureNetwork(
    interfaces: readonly InterfaceSetup[],
    signal: AbortSignal,
  ): Promise<void> {
    const { name, told } = this.parts;
    const setups = interfaces.map((one) => ({ ...one, device: tapOf(name, cardOf(one.name)) }));
    await this.parts.link.request(messageType.network, [...told, ...networkFields(setups)], signal);
  }

  /** The files are the guest's own. */
  async changeFile(): Promise<void> {}

  async start(signal: AbortSignal): Promise<void> {
    await this.parts.link.request(messageType.start, [], signal);
    await this.monitor((qmp) => qmp.execute("cont", {}, signal), signal);
  }

  async resize(_rows: number, _columns: number, signal: AbortSignal): Promise<void> {
    await this.parts.link.request(messageType.resize, [], signal);
  }

  /** What asks to end presses the power button (ACPI); SIGKILL pulls the plug. */
  async signal(signalNumber: number, signal: AbortSignal): Promise<void> {
    if (signalNumber === sigkill) {
      await this.parts.link.request(messageType.signal, [[fieldTag.signal, sigkill]], signal);
      return;
    }
    if (!powerSignals.has(signalNumber))
      throw cannot(`be sent signal ${signalNumber}`, "TERM presses its power button, KILL ends it");
    await this.monitor((qmp) => qmp.execute("system_powerdown", {}, signal), signal);
  }

  async exec(): Promise<WorkloadProcess> {
    throw cannot("run commands of yours", "use its console (attach), or ssh over its network");
  }

  async pause(signal: AbortSignal): Promise<void> {
    await this.monitor((qmp) => qmp.execute("stop", {}, signal), signal);
  }

  async resume(signal: AbortSignal): Promise<void> {
    await this.monitor((qmp) => qmp.execute("cont", {}, signal), signal);
  }

  async update(resources: ResourceLimits, signal: AbortSignal): Promise<void> {
    const memory = await this.monitor((qmp) => machineMemory(qmp, signal), signal);
    if (resources.memory > 0 && resources.memory !== memory)
      throw cannot("change its memory while it runs", "stop it, set the memory and start it again");
    await this.parts.cgroup.limitProcessor(resources, this.pid);
  }

  /** Seen from outside: its processes and what its memory is used for are its own. */
  async stats(signal: AbortSignal): Promise<WorkloadStats> {
    const usage = await this.parts.cgroup.usage();
    const [disk, memory] = await this.monitor(
      async (qmp) =>
        await Promise.all([diskUsage(qmp, signal), machineMemory(qmp, signal)] as const),
      signal,
    );
    return { ...(await workloadStats(usage, undefined, disk)), memoryLimit: memory };
  }

  async processes(): Promise<ProcessList> {
    throw cannot("show its processes", "look at them on its console or over ssh");
  }

  async openRoot(): Promise<RootfsSession> {
    throw withoutFiles();
  }
}

/** Bytes that the machine was started with (qemu-qmp-ref, query-memory-size-summary). */
async function machineMemory(qmp: Qmp, signal: AbortSignal): Promise<number> {
  const answer = await qmp.execute("query-memory-size-summary", {}, signal);
  return typeof answer === "object" && answer !== null && "base-memory" in answer
    ? Number(answer["base-memory"])
    : 0;
}

/** Why its files are not looked at from outside, whether it runs or not. */
export function withoutFiles(): DuetError {
  return cannot("show or take files", "use ssh over its network");
}

function cannot(what: string, hint: string): DuetError {
  return new DuetError(
    "unsupported",
    "MACHINE_CANNOT",
    `a machine that boots its own disk cannot ${what} · there is no agent of Duet's in it`,
    { hint },
  );
}

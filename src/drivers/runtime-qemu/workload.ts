import { launchFailure, type LaunchVerb } from "../../domain/launch-failure.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import type { InterfaceSetup, LinkTarget } from "../../domain/network.ts";
import type { ProcessSpec } from "../../domain/process.ts";
import type { RootfsAccess, RootfsSession } from "../../domain/rootfs.ts";
import type {
  LineChange,
  ProcessList,
  Workload,
  WorkloadProcess,
  WorkloadStats,
} from "../../domain/runtime.ts";
import type { Field } from "../../domain/shim.ts";
import { withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { fieldTag, messageType, protocolVersion } from "../../spec/workload.ts";
import { cardOf, hasCard, plugCard, tapOf, unplugCard } from "./cards.ts";
import { limitFields, networkFields, processFields } from "./guest-fields.ts";
import { listProcesses } from "./processes.ts";
import { ShimmedMachine, type MachineParts } from "./shimmed-machine.ts";
import { diskUsage, workloadStats, type DiskUsage } from "./stats.ts";

/** A guest that does not answer this soon is told of without its own numbers. */
const guestMilliseconds = 5_000;
/** More than the agent takes before it gives up (FREEZE_DEADLINE). */
const freezeMilliseconds = 15_000;

export interface WorkloadParts extends MachineParts {
  readonly rootfs: RootfsAccess;
  /** Path of what shows processes (duet-rootfs). */
  readonly listing: string;
  /** SETUP and CREATE, for `create`; absent for a workload that was found again. */
  readonly preparation:
    | { readonly setup: readonly Field[]; readonly create: readonly Field[] }
    | undefined;
}

/** A workload in a VM: most of it is the agent's work, reached through the shim. */
export class MachineWorkload extends ShimmedMachine<WorkloadParts> implements Workload {
  /** Whether the machine has the card that it started with; undefined where an earlier daemon knew. */
  private hasFirst: boolean | undefined;

  constructor(parts: WorkloadParts) {
    super(parts);
    this.hasFirst = parts.preparation === undefined ? undefined : true;
  }

  async create(signal: AbortSignal): Promise<void> {
    const { preparation, link } = this.parts;
    if (preparation === undefined) {
      throw new DuetError("conflict", "CREATED", `the workload is created already · ${this.id}`);
    }
    /* The shim and the agent keep the order, so the second need not wait for the first's answer. */
    const setup = link.request(messageType.setup, preparation.setup, signal);
    const create = link.request(messageType.create, preparation.create, signal);
    create.catch(() => undefined);
    await setup;
    await create.catch(inDockersWords("create"));
  }

  async plug(interfaceName: string, mac: string, signal: AbortSignal): Promise<LinkTarget> {
    const { monitor, name } = this.parts;
    const card = cardOf(interfaceName);
    const target: LinkTarget = { kind: "tap", device: tapOf(name, card) };
    /* The first is there from the start, unless it was unplugged. */
    if (card === 0) {
      this.hasFirst ??= await hasCard(monitor, card, signal);
      if (this.hasFirst) return target;
    }
    await plugCard(monitor, card, target.device, mac, signal);
    if (card === 0) this.hasFirst = true;
    return target;
  }

  async unplug(interfaceName: string, signal: AbortSignal): Promise<void> {
    const card = cardOf(interfaceName);
    await unplugCard(this.parts.monitor, card, signal);
    if (card === 0) this.hasFirst = false;
  }

  async changeFile(path: string, change: LineChange, signal: AbortSignal): Promise<void> {
    const file: Field[] = [
      [fieldTag.path, path],
      ...change.remove.map((line): Field => [fieldTag.lineRemoved, line]),
      ...change.add.map((line): Field => [fieldTag.lineAdded, line]),
    ];
    await this.parts.link.request(messageType.update, [[fieldTag.file, file]], signal);
  }

  async configureNetwork(
    interfaces: readonly InterfaceSetup[],
    signal: AbortSignal,
  ): Promise<void> {
    await this.parts.link.request(messageType.network, networkFields(interfaces), signal);
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.parts.link.request(messageType.start, [], signal).catch(inDockersWords("create"));
  }

  async resize(rows: number, columns: number, signal: AbortSignal): Promise<void> {
    const fields: Field[] = [
      [fieldTag.rows, rows],
      [fieldTag.columns, columns],
    ];
    await this.parts.link.request(messageType.resize, fields, signal);
  }

  async signal(signalNumber: number, signal: AbortSignal): Promise<void> {
    await this.parts.link.request(messageType.signal, [[fieldTag.signal, signalNumber]], signal);
  }

  async exec(process: ProcessSpec, signal: AbortSignal): Promise<WorkloadProcess> {
    return await this.parts.link.exec(processFields(process), signal).catch(inDockersWords("exec"));
  }

  /**
   * Inside the guest, so that the agent goes on: files are read, processes listed and networks changed as those
   * of a paused container. A guest that does not obey stands still as a whole.
   */
  async pause(signal: AbortSignal): Promise<void> {
    try {
      await this.freeze(1, withDeadline(signal, freezeMilliseconds, "a guest that stands still"));
    } catch {
      signal.throwIfAborted();
      await this.monitor((qmp) => qmp.execute("stop", {}, signal), signal);
    }
  }

  /** QEMU takes `cont` for a machine that runs, too. */
  async resume(signal: AbortSignal): Promise<void> {
    await this.monitor((qmp) => qmp.execute("cont", {}, signal), signal);
    await this.freeze(0, signal);
  }

  private async freeze(frozen: 0 | 1, signal: AbortSignal): Promise<void> {
    await this.parts.link.request(messageType.freeze, [[fieldTag.frozen, frozen]], signal);
  }

  async update(resources: ResourceLimits, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const guest = await this.guest(signal);
    const total = guest?.number(fieldTag.memoryTotal, 0) ?? 0;
    if (total > 0 && resources.memory > total) {
      throw new DuetError(
        "unsupported",
        "MEMORY_FIXED",
        `a running VM's memory cannot grow · ${this.id}`,
        {
          hint: "stop it, set the memory and start it again",
        },
      );
    }
    const fields = limitFields(resources);
    await Promise.all([
      this.parts.link.request(messageType.update, fields, signal),
      this.parts.cgroup.limitProcessor(resources, this.pid),
    ]);
  }

  async stats(signal: AbortSignal): Promise<WorkloadStats> {
    const [usage, guest, disk] = await Promise.all([
      this.parts.cgroup.usage(),
      this.guest(signal),
      this.disk(signal),
    ]);
    return await workloadStats(usage, guest, disk);
  }

  /** Nothing where the monitor does not answer. */
  private async disk(signal: AbortSignal): Promise<DiskUsage> {
    const until = withDeadline(signal, guestMilliseconds, "the disk's numbers");
    try {
      return await this.monitor((qmp) => diskUsage(qmp, until), until);
    } catch {
      signal.throwIfAborted();
      return { read: 0, written: 0 };
    }
  }

  /** The agent's own status; undefined where the guest is paused or does not answer. */
  private async guest(signal: AbortSignal) {
    const fields: Field[] = [
      [fieldTag.version, protocolVersion],
      [fieldTag.target, 1],
    ];
    try {
      const until = withDeadline(signal, guestMilliseconds, "the guest's status");
      return await this.parts.link.request(messageType.hello, fields, until);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }

  async processes(psArguments: readonly string[], signal: AbortSignal): Promise<ProcessList> {
    const { link, listing } = this.parts;
    const channel = await link.channel(messageType.processes, [], signal);
    try {
      return await listProcesses(listing, channel.input, psArguments, signal);
    } finally {
      channel.close();
    }
  }

  async openRoot(signal: AbortSignal): Promise<RootfsSession> {
    return this.parts.rootfs.over(await this.parts.link.channel(messageType.rootfs, [], signal));
  }
}

function inDockersWords(verb: LaunchVerb): (error: unknown) => never {
  return (error) => {
    throw launchFailure(error, verb);
  };
}

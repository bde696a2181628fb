import type { WorkloadHandle } from "../../domain/container.ts";
import type { ObjectId } from "../../domain/identity.ts";
import type { LinkTarget } from "../../domain/network.ts";
import type { AttachedStreams, ExitRecord } from "../../domain/process.ts";
import type { WorkloadLink } from "../../domain/shim.ts";
import { race, withDeadline } from "../../kit/abort.ts";
import { messageType } from "../../spec/workload.ts";
import { tapOf } from "./cards.ts";
import type { Cgroup } from "./cgroup.ts";
import { withMonitor, type Qmp } from "./qmp.ts";

const shutdownMilliseconds = 5_000;

export interface MachineParts {
  readonly id: ObjectId;
  readonly handle: WorkloadHandle;
  readonly link: WorkloadLink;
  readonly cgroup: Cgroup;
  readonly monitor: string;
  /** The machine's. */
  readonly name: string;
  readonly pid: number;
  /** Removes cgroup and folder, after the shim has ended. */
  remove(): Promise<void>;
}

/** What a machine is from outside, whoever runs inside: a shim with its streams and its end, QEMU, a tap device. */
export class ShimmedMachine<Parts extends MachineParts> {
  readonly id: ObjectId;
  readonly handle: WorkloadHandle;
  readonly link: LinkTarget;
  readonly pid: number;
  protected readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
    this.id = parts.id;
    this.handle = parts.handle;
    this.pid = parts.pid;
    this.link = { kind: "tap", device: tapOf(parts.name, 0) };
  }

  async attach(
    options: { readonly stdin: boolean },
    signal: AbortSignal,
  ): Promise<AttachedStreams> {
    return await this.parts.link.attach(options.stdin, signal);
  }

  async wait(signal: AbortSignal): Promise<ExitRecord> {
    return await this.parts.link.wait(signal);
  }

  async delete(signal: AbortSignal): Promise<void> {
    await endShim(this.parts.link, signal);
    await this.parts.remove();
  }

  protected async monitor<T>(ask: (qmp: Qmp) => Promise<T>, signal: AbortSignal): Promise<T> {
    return await withMonitor(this.parts.monitor, ask, signal);
  }
}

/** Ends a shim and with it its VM. One that is gone or stuck is left: what remains is removed by its cgroup. */
export async function endShim(link: WorkloadLink, signal: AbortSignal): Promise<void> {
  const until = withDeadline(signal, shutdownMilliseconds, "ending a VM");
  try {
    await Promise.race([link.request(messageType.shutdown, [], until), race(link.closed, until)]);
    await race(link.closed, until);
  } catch {
    signal.throwIfAborted();
  }
  link.close();
}

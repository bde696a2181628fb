import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { race, withDeadline, never } from "../../kit/abort.ts";
import { isDuetError } from "../../kit/errors.ts";
import { messageType } from "../../spec/workload.ts";
import type { Accelerator, BootFiles } from "./command-line.ts";
import type { QemuProgram } from "./host.ts";
import { buildInitramfs } from "./initramfs.ts";
import type { GuestKernel } from "./kernel.ts";
import { hostProcessor, probeKvm } from "./kvm.ts";
import {
  hello,
  openMachine,
  type Machine,
  type MachineDependencies,
  type MachineRequest,
} from "./machine.ts";
import { removeMachine } from "./members.ts";
import { makePlaceholder } from "./placeholder.ts";
import { Pool } from "./pool.ts";
import { rehearse } from "./rehearsal.ts";
import type { QemuRuntimeDependencies } from "./runtime.ts";
import { defaultShape, sameShape } from "./shape.ts";
import { Templates, type Template, type TemplateBase } from "./template.ts";

const shutdownMilliseconds = 5_000;
const helloMilliseconds = 2_000;
/** Of a clone that makes no progress, as under a KVM that is not what its probe promised. */
const cloneMilliseconds = 30_000;
/** How it is told that QEMU did not take a template's state. */
const restoreCodes: ReadonlySet<string> = new Set(["TEMPLATE_FAILED", "QMP_LOST"]);
/** Bytes of the largest disk for which the pool is: the size of most (drivers/disks). */
const pooledDisk = 10 * 2 ** 30;

type Wanted = Pick<MachineRequest, "shape" | "serveShares" | "disk"> & {
  /** Modules beyond those that every guest has: such a VM is booted. */
  readonly modules?: readonly string[];
};

interface BootPlan {
  readonly boot: BootFiles;
  readonly placeholder: string;
}

function needsBoot(wanted: Wanted): boolean {
  return (wanted.modules ?? []).length > 0;
}

interface Prepared {
  readonly base: TemplateBase;
  readonly templates: Templates;
}

/** Where VMs come from: the pool, a template, or a cold boot. */
export class Stable {
  private readonly dependencies: QemuRuntimeDependencies;
  private readonly qemu: QemuProgram;
  private readonly kernel: GuestKernel;
  private readonly pool: Pool;
  private preparing: Promise<Prepared> | undefined;
  /** By the modules that they have beyond those of every guest. */
  private readonly bootFiles = new Map<string, Promise<BootPlan>>();
  private given = 0;
  accelerator: Accelerator;

  constructor(
    dependencies: QemuRuntimeDependencies,
    qemu: QemuProgram,
    kernel: GuestKernel,
    kvm: boolean,
  ) {
    this.dependencies = dependencies;
    this.qemu = qemu;
    this.kernel = kernel;
    this.accelerator = kvm ? "kvm" : "tcg";
    this.pool = new Pool({
      size: dependencies.forceCold === true ? 0 : dependencies.poolSize,
      open: (signal) => this.rehearsed(signal),
      discard: (machine) => this.discard(machine),
      log: dependencies.log,
    });
  }

  /** How many wait in the pool. */
  get waiting(): number {
    return this.pool.waiting;
  }

  /** How many were given out since the daemon's start. */
  get used(): number {
    return this.given;
  }

  /** A VM for one workload: out of the pool where it fits, cloned else, booted where cloning fails. */
  async machine(wanted: Wanted, signal: AbortSignal): Promise<Machine> {
    const fits =
      !needsBoot(wanted) &&
      sameShape(wanted.shape, defaultShape) &&
      !wanted.serveShares &&
      wanted.disk <= pooledDisk;
    const member = fits ? await this.fromPool(signal) : undefined;
    if (fits) void this.pool.fill();
    const machine = member ?? (await this.open(wanted, signal));
    this.given += 1;
    return machine;
  }

  /** A member may have died a moment ago: its agent has to answer. */
  private async fromPool(signal: AbortSignal): Promise<Machine | undefined> {
    for (let member = this.pool.take(); member !== undefined; member = this.pool.take()) {
      try {
        await hello(member.link, withDeadline(signal, helloMilliseconds, "a pooled VM's agent"));
        return member;
      } catch (error) {
        this.dependencies.log.warn("pool-member-lost", { machine: member.name, error });
        await this.discard(member);
        signal.throwIfAborted();
      }
    }
    return undefined;
  }

  private async open(wanted: Wanted, signal: AbortSignal): Promise<Machine> {
    const { base, templates } = await this.prepared(signal);
    if (this.dependencies.forceCold !== true && !needsBoot(wanted)) {
      let template: Template | undefined;
      try {
        template = await templates.get(wanted.shape, signal);
        const until = withDeadline(signal, cloneMilliseconds, "cloning a VM");
        return await openMachine(this.machines(base), { ...wanted, from: { template } }, until);
      } catch (error) {
        signal.throwIfAborted();
        this.dependencies.log.warn("clone-failed", { error, effect: "the VM is booted cold" });
        /* Its state is damaged, or not for this host any more. */
        if (template !== undefined && isDuetError(error) && restoreCodes.has(error.code))
          await templates.drop(template, signal);
      }
    }
    const from = await this.coldBoot(base, wanted.modules ?? [], signal);
    return await openMachine(this.machines(base), { ...wanted, from }, signal);
  }

  private machines(base: TemplateBase): MachineDependencies {
    const { shims, runDirectory, cgroupParent, tools } = this.dependencies;
    return { base, shims, runDirectory, cgroupParent, opener: tools.opener };
  }

  private async rehearsed(signal: AbortSignal): Promise<Machine> {
    const { base, templates } = await this.prepared(signal);
    const template = await templates.get(defaultShape, signal);
    const wanted: Wanted = { shape: defaultShape, serveShares: false, disk: pooledDisk };
    const request: MachineRequest = { ...wanted, from: { template } };
    const machine = await openMachine(this.machines(base), request, signal);
    try {
      await rehearse(machine.link, signal);
      const memory = await proportionalMemory(machine.qemuPid);
      this.dependencies.log.info("pool-member-ready", { machine: machine.name, memory });
      return machine;
    } catch (error) {
      await this.discard(machine);
      throw error;
    }
  }

  /** How VMs are run, once that is known. */
  async chosenAccelerator(signal: AbortSignal): Promise<Accelerator> {
    const { base } = await this.prepared(signal);
    return base.accelerator;
  }

  private async prepared(signal: AbortSignal): Promise<Prepared> {
    this.preparing ??= this.prepare().catch((error: unknown) => {
      this.preparing = undefined;
      throw error;
    });
    return await race(this.preparing, signal);
  }

  private async prepare(): Promise<Prepared> {
    const { dependencies, kernel, qemu } = this;
    const directory = dependencies.dataDirectory;
    const verdict = await probeKvm({ qemu, kernel, directory }, never);
    this.accelerator = verdict.usable ? "kvm" : "tcg";
    if (!verdict.usable) {
      dependencies.log.warn("no-hardware-virtualization", {
        reason: verdict.reason,
        effect:
          "virtual machines are emulated: slower, and isolation for testing, not a security boundary",
      });
    }
    const initramfs = await buildInitramfs(kernel, dependencies.tools.agent, [], never);
    const { accelerator } = this;
    const processor = accelerator === "kvm" ? await hostProcessor() : "";
    const base: TemplateBase = { qemu, kernel, initramfs, accelerator, processor };
    const templates = new Templates({
      base,
      shims: dependencies.shims,
      agent: dependencies.tools.agent,
      directory: join(directory, "templates"),
      log: dependencies.log,
    });
    await templates.prune();
    return { base, templates };
  }

  private async coldBoot(
    base: TemplateBase,
    modules: readonly string[],
    signal: AbortSignal,
  ): Promise<BootPlan> {
    const key = modules.join(" ");
    const known = this.bootFiles.get(key);
    const making =
      known ??
      this.makeBootFiles(base, modules).catch((error: unknown) => {
        this.bootFiles.delete(key);
        throw error;
      });
    if (known === undefined) this.bootFiles.set(key, making);
    return await race(making, signal);
  }

  private async makeBootFiles(base: TemplateBase, modules: readonly string[]): Promise<BootPlan> {
    const { dataDirectory, tools } = this.dependencies;
    const folder = join(dataDirectory, "boot");
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const initramfs = join(folder, ["initramfs", ...modules].join("-"));
    const placeholder = join(folder, ["placeholder.ext4", ...modules].join("-"));
    const { content } =
      modules.length === 0
        ? base.initramfs
        : await buildInitramfs(base.kernel, tools.agent, modules, never);
    await writeFile(initramfs, content, { mode: 0o644 });
    await makePlaceholder(placeholder, tools.agent, never);
    return { boot: { kernel: base.kernel.image, initramfs }, placeholder };
  }

  /** Ends a VM hard and removes what it had. */
  async discard(machine: Machine): Promise<void> {
    const until = withDeadline(never, shutdownMilliseconds, "ending a VM");
    const ended = race(machine.link.closed, until);
    await Promise.race([machine.link.request(messageType.shutdown, [], until), ended]).catch(
      () => undefined,
    );
    await ended.catch(() => undefined);
    machine.link.close();
    const { runDirectory, cgroupParent } = this.dependencies;
    await removeMachine(runDirectory, cgroupParent, machine.name);
  }

  async warm(signal: AbortSignal): Promise<void> {
    const { templates } = await this.prepared(signal);
    if (this.dependencies.forceCold === true) return;
    await templates.get(defaultShape, signal);
    await race(this.pool.fill(), signal);
  }

  async close(reason: Error): Promise<void> {
    await this.pool.close(reason);
  }
}

/** Bytes of memory that are a process's own, with its part of what it shares (proc(5), smaps_rollup). */
async function proportionalMemory(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? 0) * 1024;
}

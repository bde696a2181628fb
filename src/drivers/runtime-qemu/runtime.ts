import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import type { ObjectId } from "../../domain/identity.ts";
import type { ExitRecord } from "../../domain/process.ts";
import type { RootfsAccess, RootfsSession } from "../../domain/rootfs.ts";
import type { Runtime, Workload, WorkloadSpec } from "../../domain/runtime.ts";
import type { Field, ShimLauncher } from "../../domain/shim.ts";
import type { BlockDisk, MachineDisk, RootSource } from "../../domain/snapshot.ts";
import { canceled, never, withDeadline } from "../../kit/abort.ts";
import { DuetError } from "../../kit/errors.ts";
import { KeyedLock } from "../../kit/keyed-lock.ts";
import type { Log } from "../../kit/log.ts";
import { Scope } from "../../kit/scope.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { openAppliance, type Appliance } from "./appliance.ts";
import { ApplianceWorkload, toldFields, withoutFiles } from "./appliance-workload.ts";
import { assignDisk, assignShares, ownershipFields } from "./assign.ts";
import { Cgroup } from "./cgroup.ts";
import { checkWorkload } from "./check.ts";
import { createFields, identityFields, setupFields, shareFields } from "./guest-fields.ts";
import { findQemu, type QemuProgram } from "./host.ts";
import { requireKernel, type GuestKernel } from "./kernel.ts";
import { rememberedKvm } from "./kvm.ts";
import { monitorOf, type Machine } from "./machine.ts";
import { machineDirectory, machineNameOf, own, removeMachine, sweepMachines } from "./members.ts";
import { withEnd } from "./maintenance.ts";
import { defaultShape, shapeFor } from "./shape.ts";
import { hostSockets, withoutSockets } from "./sockets.ts";
import { Stable } from "./stable.ts";
import { MachineWorkload } from "./workload.ts";

export interface QemuRuntimeDependencies {
  readonly shims: ShimLauncher;
  readonly rootfs: RootfsAccess;
  readonly log: Log;
  /** Paths of duet-agent, duet-opener.so and duet-rootfs. */
  readonly tools: { readonly agent: string; readonly opener: string; readonly rootfs: string };
  /** Holds templates and the KVM verdict. */
  readonly dataDirectory: string;
  /** Holds a folder a VM; gone after a reboot, and short enough for unix sockets. */
  readonly runDirectory: string;
  /** Name of the cgroup below which every VM gets its own, such as `/duet`. */
  readonly cgroupParent: string;
  /** VMs kept restored and rehearsed; 0 for none. */
  readonly poolSize: number;
  /** Boot every VM from its kernel instead of cloning a template. */
  readonly forceCold?: boolean;
}

/** What a guest needs for file systems that only foreign disks have. */
const extraModules: Readonly<Record<string, readonly string[]>> = {
  xfs: ["xfs"],
  /* Its checksums are asked for by name: what depmod tells of is crc32c's only. */
  btrfs: ["blake2b_generic", "xxhash_generic", "sha256_generic", "btrfs"],
};

const exitRecordName = "exit.json";
const sweepMilliseconds = 10_000;

/**
 * The runtime of isolation `vm`. Throws `unavailable` NO_QEMU or NO_KERNEL. Cheap: templates, the pool
 * and the KVM probe wait for `warm` or the first VM.
 */
export async function createQemuRuntime(dependencies: QemuRuntimeDependencies): Promise<Runtime> {
  const [qemu, kernel] = await Promise.all([findQemu(never), requireKernel()]);
  const { dataDirectory, runDirectory, cgroupParent } = dependencies;
  await mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  await mkdir(runDirectory, { recursive: true, mode: 0o700 });
  await sweepMachines(runDirectory, cgroupParent, (owner) => owner === "");
  const verdict = await rememberedKvm({ qemu, directory: dataDirectory });
  return new QemuRuntime(dependencies, qemu, kernel, verdict?.usable === true);
}

class QemuRuntime implements Runtime {
  readonly isolation = "vm";
  readonly name = "vm";
  readonly rootKind = "block";
  readonly check = checkWorkload;
  private readonly dependencies: QemuRuntimeDependencies;
  private readonly qemu: QemuProgram;
  private readonly stable: Stable;
  private readonly disks = new KeyedLock();

  constructor(
    dependencies: QemuRuntimeDependencies,
    qemu: QemuProgram,
    kernel: GuestKernel,
    kvm: boolean,
  ) {
    this.dependencies = dependencies;
    this.qemu = qemu;
    this.stable = new Stable(dependencies, qemu, kernel, kvm);
  }

  get description(): string {
    return `qemu ${this.qemu.version} (${this.stable.accelerator})`;
  }

  get waiting(): number {
    return this.stable.waiting;
  }

  get used(): number {
    return this.stable.used;
  }

  async open(spec: WorkloadSpec, signal: AbortSignal): Promise<Workload> {
    this.check(spec);
    if (spec.root.kind === "machine") return await this.openAppliance(spec, spec.root.disk, signal);
    const disk = blockDisk(spec.root);
    await using scope = new Scope();
    const binds = spec.mounts.filter(({ kind }) => kind === "bind");
    const sockets = await hostSockets(binds);
    const shared = binds.filter((one) => !sockets.has(one));
    const machine = await this.stable.machine(
      { shape: shapeFor(spec.resources), serveShares: shared.length > 0, disk: disk.size },
      signal,
    );
    scope.defer(() => this.discard(machine));
    await own(machine, spec.id);
    const exitPath = join(spec.stateDirectory, exitRecordName);
    const [shares] = await Promise.all([
      assignShares(machine.link, shared, signal),
      machine.link.request(
        messageType.configure,
        ownershipFields(spec, exitPath, [...sockets.values()]),
        signal,
      ),
      machine.cgroup.limit(spec.resources, machine.shape.memory, machine.qemuPid),
      this.giveDisk(machine, disk, signal),
    ]);
    scope.commit();
    const setup = setupFields(spec, disk, shares, sockets);
    return this.workload(spec.id, machine, { setup, create: createFields(spec) });
  }

  private async openAppliance(
    spec: WorkloadSpec,
    disk: MachineDisk,
    signal: AbortSignal,
  ): Promise<Workload> {
    const { shims, runDirectory, cgroupParent } = this.dependencies;
    const accelerator = await this.stable.chosenAccelerator(signal);
    const dependencies = { qemu: this.qemu, accelerator, shims, runDirectory, cgroupParent };
    const appliance = await openAppliance(dependencies, spec, disk, signal);
    return this.appliance(spec.id, appliance, toldFields(spec));
  }

  private appliance(id: ObjectId, appliance: Appliance, told: readonly Field[]): Workload {
    const remove = (): Promise<void> => this.remove(appliance.name);
    return new ApplianceWorkload({ ...appliance, id, pid: appliance.qemuPid, told, remove });
  }

  /** One VM a disk: QEMU's lock on the file refuses the second. */
  private async giveDisk(machine: Machine, disk: BlockDisk, signal: AbortSignal): Promise<void> {
    await this.disks.run(disk.path, signal, () => assignDisk(machine, disk, signal));
  }

  private workload(
    id: ObjectId,
    machine: Pick<Machine, "name" | "handle" | "link" | "cgroup" | "monitor" | "qemuPid">,
    preparation: ConstructorParameters<typeof MachineWorkload>[0]["preparation"],
  ): Workload {
    return new MachineWorkload({
      ...machine,
      id,
      pid: machine.qemuPid,
      rootfs: this.dependencies.rootfs,
      listing: this.dependencies.tools.rootfs,
      preparation,
      remove: () => this.remove(machineNameOf(machine.handle)),
    });
  }

  async find(
    id: ObjectId,
    handle: WorkloadHandle,
    signal: AbortSignal,
  ): Promise<Workload | undefined> {
    const link = await this.dependencies.shims.connect(handle, signal);
    if (link === undefined) return undefined;
    const name = machineNameOf(handle);
    const status = await link.request(messageType.status, [], signal);
    const cgroup = await Cgroup.open(join(this.dependencies.cgroupParent, `vm-${name}`));
    const monitor = monitorOf(machineDirectory(this.dependencies.runDirectory, name));
    const qemuPid = status.number(fieldTag.pid, 0);
    if (status.text(fieldTag.isolation, "vm") === "disk")
      return this.appliance(id, { name, handle, link, cgroup, monitor, qemuPid }, []);
    return this.workload(id, { handle, link, cgroup, monitor, qemuPid, name }, undefined);
  }

  async exitRecord(stateDirectory: string): Promise<ExitRecord | undefined> {
    let text: string;
    try {
      text = await readFile(join(stateDirectory, exitRecordName), "utf8");
    } catch {
      return undefined;
    }
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null || !("code" in parsed)) return undefined;
    return {
      code: Number(parsed.code),
      outOfMemory: "outOfMemory" in parsed && parsed.outOfMemory === true,
      exitedAt: "exitedAt" in parsed ? Number(parsed.exitedAt) : 0,
      ...("error" in parsed && typeof parsed.error === "string" ? { error: parsed.error } : {}),
    };
  }

  /** `id` may be the beginning of one, as of a folder's name whose record is lost. */
  async sweep(
    id: ObjectId,
    _stateDirectory: string,
    _runDirectory: string,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted();
    await sweepMachines(
      this.dependencies.runDirectory,
      this.dependencies.cgroupParent,
      (owner) => owner !== "" && owner.startsWith(id),
    );
  }

  /** A VM that runs nothing but the agent serves the root of a workload that does not run. */
  async openRoot(root: RootSource, signal: AbortSignal): Promise<RootfsSession> {
    if (root.kind === "machine") throw withoutFiles();
    const disk = blockDisk(root);
    const binds = await withoutSockets(root.mounts ?? []);
    await using scope = new Scope();
    const modules = extraModules[disk.fileSystem] ?? [];
    const machine = await this.stable.machine(
      { shape: defaultShape, serveShares: binds.length > 0, disk: disk.size, modules },
      signal,
    );
    scope.defer(() => this.discard(machine));
    const [shares] = await Promise.all([
      assignShares(machine.link, binds, signal),
      this.giveDisk(machine, disk, signal),
    ]);
    const identity = identityFields({ id: machine.name, hostname: "maintenance", domainname: "" });
    const diskFields = [
      [fieldTag.size, disk.size],
      [fieldTag.fileSystem, disk.fileSystem],
      [fieldTag.readonly, disk.foreign === undefined ? 0 : 1],
      ...(disk.foreign?.topLevel === true ? [[fieldTag.option, "subvolid=5"] as const] : []),
    ] as const;
    await machine.link.request(
      messageType.setup,
      [...identity, [fieldTag.disk, diskFields], ...shareFields(shares)],
      signal,
    );
    const channel = await machine.link.channel(messageType.rootfs, [], signal);
    scope.commit();
    return withEnd(this.dependencies.rootfs.over(channel), async () => {
      const until = withDeadline(never, sweepMilliseconds, "flushing a disk");
      try {
        await machine.link.request(messageType.sync, [], until);
      } finally {
        await this.discard(machine);
      }
    });
  }

  private async discard(machine: Machine): Promise<void> {
    await this.stable.discard(machine);
  }

  private async remove(name: string): Promise<void> {
    await removeMachine(this.dependencies.runDirectory, this.dependencies.cgroupParent, name);
  }

  async warm(signal: AbortSignal): Promise<void> {
    await this.stable.warm(signal);
  }

  async close(): Promise<void> {
    await this.stable.close(canceled("the runtime closes"));
  }
}

function blockDisk(root: RootSource): BlockDisk {
  if (root.kind === "block") return root.disk;
  throw new DuetError("invalid", "ROOT_KIND", "a VM's root is a disk, not a directory");
}

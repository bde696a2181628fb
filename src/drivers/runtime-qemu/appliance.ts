import { access, chown, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import type { ResourceLimits } from "../../domain/limits.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import type { Field, ShimLauncher, WorkloadLink } from "../../domain/shim.ts";
import type { MachineDisk } from "../../domain/snapshot.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { DuetError } from "../../kit/errors.ts";
import { Scope } from "../../kit/scope.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { applianceArguments, type ApplianceFiles } from "./appliance-arguments.ts";
import { ownershipFields } from "./assign.ts";
import { Cgroup } from "./cgroup.ts";
import type { Accelerator } from "./command-line.ts";
import type { QemuProgram } from "./host.ts";
import { jailFields } from "./jail.ts";
import { kvmGroup } from "./kvm.ts";
import { handed, launchShim, monitorOf, newMachine } from "./machine.ts";
import { own } from "./members.ts";
import { writeSeed } from "./seed.ts";
import type { Shape } from "./shape.ts";

const exitRecordName = "exit.json";
const monitorDescriptor = 22;
const mebibyte = 1 << 20;
/** Unless asked for more. What boots itself brings more than one program, and untouched memory costs nothing. */
const defaultMemory = 1_024 * mebibyte;
/** With less, firmware and boot loaders do not come far. */
const leastMemory = 64 * mebibyte;

/** By Debian's and Fedora's names: UEFI's code without Secure Boot, and its empty variables. */
const firmwares = [
  ["/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"],
  ["/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"],
  ["/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"],
] as const;

/** A machine whose QEMU waits to be let go, with its own disk. */
export interface Appliance {
  readonly name: string;
  readonly handle: WorkloadHandle;
  readonly link: WorkloadLink;
  readonly cgroup: Cgroup;
  readonly monitor: string;
  readonly qemuPid: number;
}

export interface ApplianceDependencies {
  readonly qemu: QemuProgram;
  readonly accelerator: Accelerator;
  readonly shims: ShimLauncher;
  readonly runDirectory: string;
  readonly cgroupParent: string;
}

/** The shape that was asked for, to the mebibyte: all of it is the guest's. */
export function applianceShape(resources: Pick<ResourceLimits, "memory" | "nanoCpus">): Shape {
  const memory = Math.floor((resources.memory || defaultMemory) / mebibyte) * mebibyte;
  return {
    memory: Math.max(memory, leastMemory),
    processors: Math.max(1, Math.ceil(resources.nanoCpus / 1e9)),
  };
}

/** Opens a machine that boots `disk` under a shim of its own. Undone whole when it fails. */
export async function openAppliance(
  dependencies: ApplianceDependencies,
  spec: WorkloadSpec,
  disk: MachineDisk,
  signal: AbortSignal,
): Promise<Appliance> {
  await using scope = new Scope();
  const { name, uid, directory } = await newMachine(dependencies.runDirectory, scope);
  await own({ directory }, spec.id);
  const firmware = disk.firmware === "uefi" ? await firmwareOf(disk, uid) : null;
  const seed = await writeSeed(spec, directory, uid);
  await chown(disk.path, uid, uid);
  const cgroup = await Cgroup.open(join(dependencies.cgroupParent, `vm-${name}`));
  scope.defer(() => cgroup.remove());
  const joins = await cgroup.make();
  const { link, handle } = await launchShim(dependencies.shims, scope, directory, name, signal);
  const shape = applianceShape(spec.resources);
  const place = { directory, uid, joins, cgroup, firmware, seed };
  const fields = await configuration(dependencies, spec, disk, place, shape);
  const configured = await link.request(messageType.configure, fields, signal);
  const qemuPid = configured.number(fieldTag.pid);
  await cgroup.limit(spec.resources, shape.memory, qemuPid);
  scope.commit();
  return { name, handle, link, cgroup, monitor: monitorOf(directory), qemuPid };
}

interface Firmware {
  readonly code: string;
  readonly variables: string;
}

interface Place {
  readonly directory: string;
  readonly uid: number;
  readonly joins: readonly string[];
  readonly cgroup: Cgroup;
  readonly firmware: Firmware | null;
  /** Path of what it is told at its start; null for nothing. */
  readonly seed: string | null;
}

/** What QEMU sees of the host, beside its own program. */
const inside = {
  overlay: "/disk/overlay",
  base: "/disk/base",
  variables: "/disk/variables",
  seed: "/disk/seed",
};

async function configuration(
  dependencies: ApplianceDependencies,
  spec: WorkloadSpec,
  disk: MachineDisk,
  place: Place,
  shape: Shape,
): Promise<readonly Field[]> {
  const { accelerator } = dependencies;
  const { directory, uid, joins, cgroup, firmware, seed } = place;
  const gid = (accelerator === "kvm" ? await kvmGroup() : undefined) ?? uid;
  const files: ApplianceFiles = {
    overlay: inside.overlay,
    base: { path: inside.base, format: disk.base.format },
    firmware: firmware && { code: firmware.code, variables: inside.variables },
    seed: seed && inside.seed,
    monitor: monitorDescriptor,
  };
  const program = [dependencies.qemu.path, ...applianceArguments(shape, accelerator, files)];
  const { terminal, stdin, stdinOnce = true } = spec.process;
  const writable = [{ outside: disk.path, inside: inside.overlay }];
  if (firmware !== null) writable.push({ outside: firmware.variables, inside: inside.variables });
  return [
    [fieldTag.isolation, "disk"],
    ...ownershipFields(spec, join(spec.stateDirectory, exitRecordName), []),
    ...program.map((word): Field => [fieldTag.program, word]),
    [fieldTag.terminal, terminal === null ? 0 : 1],
    [fieldTag.stdin, stdin ? 1 : 0],
    [fieldTag.stdinOnce, stdinOnce ? 1 : 0],
    [fieldTag.listener, handed(monitorOf(directory), monitorDescriptor)],
    [fieldTag.memoryCgroup, cgroup.memoryFolder],
    [
      fieldTag.jail,
      jailFields({
        ...{ uid, gid, joins, accelerator, writable, serveShares: false },
        root: join(directory, "root"),
        largestDisk: disk.size,
        files: { [inside.base]: disk.base.path, ...(seed && { [inside.seed]: seed }) },
      }),
    ],
  ];
}

/** UEFI's code, and the variables of this machine beside its disk: made at its first start. */
async function firmwareOf(disk: MachineDisk, uid: number): Promise<Firmware> {
  for (const [code, empty] of firmwares) {
    if (!(await isThere(code)) || !(await isThere(empty))) continue;
    const variables = join(dirname(disk.path), "variables.fd");
    // Half a file would be the machine's for good.
    if (!(await isThere(variables))) await writeFileAtomic(variables, await readFile(empty));
    await chown(variables, uid, uid);
    return { code, variables };
  }
  throw new DuetError("unavailable", "NO_FIRMWARE", "the disk boots by UEFI, which is not here", {
    hint: "install the package ovmf",
  });
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

import { randomBytes } from "node:crypto";
import { chown, copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { WorkloadHandle } from "../../domain/container.ts";
import type { Field, ShimLauncher, WorkloadLink } from "../../domain/shim.ts";
import { race } from "../../kit/abort.ts";
import { Scope } from "../../kit/scope.ts";
import { fieldTag, messageType, protocolVersion } from "../../spec/workload.ts";
import { tapOf } from "./cards.ts";
import { Cgroup } from "./cgroup.ts";
import { qemuArguments, type BootFiles, type MachineFiles } from "./command-line.ts";
import { mapsReadonlyFiles } from "./host.ts";
import { jailFields } from "./jail.ts";
import { kvmGroup } from "./kvm.ts";
import { loadState } from "./migration.ts";
import { Qmp } from "./qmp.ts";
import type { Shape } from "./shape.ts";
import type { Template, TemplateBase } from "./template.ts";

const placeholderInside = "/disk/placeholder";
/** What lets a QEMU that cannot open its memory read-only run on a memory that is (native/opener). */
const openerInside = "/template/opener.so";
/** Descriptors that the shim hands QEMU. */
const tapDescriptor = 20;
const agentDescriptor = 21;
const monitorDescriptor = 22;
const stateDescriptor = 23;
/** First of the 2²⁴ user ids that VMs run as, one each; no account has them. */
const firstUid = 0x64000000;

/** A name, a user and a folder for one more VM; the folder goes with the scope. */
export async function newMachine(
  runDirectory: string,
  scope: Scope,
): Promise<{ readonly name: string; readonly uid: number; readonly directory: string }> {
  const uid = firstUid + (randomBytes(4).readUInt32BE() % 2 ** 24);
  const name = randomBytes(4).toString("hex");
  const directory = join(runDirectory, name);
  scope.defer(() => rm(directory, { recursive: true, force: true }));
  await mkdir(join(directory, "root"), { recursive: true, mode: 0o700 });
  return { name, uid, directory };
}

/** Starts the shim of a machine; it is told to leave with the scope. */
export async function launchShim(
  shims: ShimLauncher,
  scope: Scope,
  directory: string,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly link: WorkloadLink; readonly handle: WorkloadHandle }> {
  const { link, handle } = await shims.launch(directory, `duet-vm-${name}`, signal);
  scope.defer(async (until) => {
    await race(link.request(messageType.shutdown, [], until), until).catch(() => undefined);
    link.close();
  });
  return { link, handle };
}

/** A VM that runs, its agent reached; it has no workload yet. */
export interface Machine {
  readonly name: string;
  readonly directory: string;
  readonly link: WorkloadLink;
  readonly handle: WorkloadHandle;
  readonly uid: number;
  readonly tap: string;
  readonly shape: Shape;
  readonly qemuPid: number;
  readonly cgroup: Cgroup;
  /** Path of QEMU's monitor on the host. */
  readonly monitor: string;
}

export interface MachineDependencies {
  readonly base: TemplateBase;
  readonly shims: ShimLauncher;
  /** Path of duet-opener.so. */
  readonly opener: string;
  /** Folder in which every VM has its own. */
  readonly runDirectory: string;
  readonly cgroupParent: string;
}

export interface MachineRequest {
  readonly shape: Shape;
  /** What to clone; or what to boot, with the placeholder disk to start with. */
  readonly from:
    | { readonly template: Template }
    | { readonly boot: BootFiles; readonly placeholder: string };
  /** Whether QEMU may serve host folders to the guest, as their owners. */
  readonly serveShares: boolean;
  /** Bytes of the largest disk that it may get. */
  readonly disk: number;
}

/** Opens a VM under a shim of its own. Undone whole when it fails. */
export async function openMachine(
  dependencies: MachineDependencies,
  request: MachineRequest,
  signal: AbortSignal,
): Promise<Machine> {
  await using scope = new Scope();
  const { name, uid, directory } = await newMachine(dependencies.runDirectory, scope);
  const placeholder =
    "template" in request.from ? request.from.template.placeholder : request.from.placeholder;
  await copyFile(placeholder, placeholderOf(directory));
  await chown(placeholderOf(directory), uid, uid);
  const cgroup = await Cgroup.open(join(dependencies.cgroupParent, `vm-${name}`));
  const making = cgroup.make();
  scope.defer(async () => {
    // What is still being made would come to be after its removal, and stay.
    await making.catch(() => undefined);
    await cgroup.remove();
  });
  const { link, handle } = await launchShim(dependencies.shims, scope, directory, name, signal);
  const joins = await making;
  const machine = { name, directory, link, handle, uid, shape: request.shape, cgroup };
  const tap = tapOf(name, 0);
  const monitor = monitorOf(directory);
  const gid = (dependencies.base.accelerator === "kvm" ? await kvmGroup() : undefined) ?? uid;
  const place = { directory, uid, gid, tap, joins, cgroup };
  const fields = configuration(dependencies, request, place);
  const configured = await link.request(messageType.configure, fields, signal);
  const qemuPid = configured.number(fieldTag.pid);
  if ("template" in request.from) await restore(monitor, signal);
  await hello(link, signal);
  scope.commit();
  return { ...machine, tap, qemuPid, monitor };
}

/** HELLO to the agent: the answer comes when it runs, an error when QEMU has ended. */
export async function hello(link: WorkloadLink, signal: AbortSignal): Promise<void> {
  const fields: Field[] = [
    [fieldTag.version, protocolVersion],
    [fieldTag.target, 1],
  ];
  await link.request(messageType.hello, fields, signal);
}

/** Connects before QEMU listens, waits for its greeting, and fails when it ends. */
async function restore(monitor: string, signal: AbortSignal): Promise<void> {
  const qmp = await Qmp.open(monitor, signal);
  try {
    await loadState(qmp, stateDescriptor, signal);
  } finally {
    qmp.close();
  }
}

/** Path of the monitor of the VM in a folder. */
export function monitorOf(directory: string): string {
  return join(directory, "monitor.sock");
}

function placeholderOf(directory: string): string {
  return join(directory, "placeholder");
}

interface Place {
  readonly directory: string;
  readonly uid: number;
  readonly gid: number;
  readonly tap: string;
  readonly joins: readonly string[];
  readonly cgroup: Cgroup;
}

function configuration(
  dependencies: MachineDependencies,
  request: MachineRequest,
  place: Place,
): readonly Field[] {
  const { base } = dependencies;
  const { from, shape } = request;
  const helps = "template" in from && !mapsReadonlyFiles(base.qemu);
  const sharing = helps ? "private" : "private-readonly";
  const files: MachineFiles = {
    memory: "template" in from ? { path: "/template/memory", sharing } : null,
    agent: { fd: agentDescriptor },
    monitor: { fd: monitorDescriptor },
    disk: { path: placeholderInside, format: "raw" },
    shares: "/shares",
    tap: { fd: tapDescriptor },
  };
  const boot =
    "boot" in from ? { kernel: "/template/kernel", initramfs: "/template/initramfs" } : null;
  const program = [base.qemu.path, ...qemuArguments(shape, base.accelerator, files, boot)];
  const tap: Field[] = [
    [fieldTag.device, place.tap],
    [fieldTag.fd, tapDescriptor],
  ];
  return [
    [fieldTag.isolation, "vm"],
    ...program.map((word): Field => [fieldTag.program, word]),
    ...(helps ? ([[fieldTag.environment, `LD_PRELOAD=${openerInside}`]] as const) : []),
    [fieldTag.tap, tap],
    [fieldTag.agentFd, agentDescriptor],
    [fieldTag.listener, handed(monitorOf(place.directory), monitorDescriptor)],
    ...("template" in from
      ? ([[fieldTag.handedFile, handed(from.template.state, stateDescriptor)]] as const)
      : []),
    [fieldTag.memoryCgroup, place.cgroup.memoryFolder],
    [
      fieldTag.jail,
      jailFields({
        ...place,
        root: join(place.directory, "root"),
        writable: [{ outside: placeholderOf(place.directory), inside: placeholderInside }],
        largestDisk: request.disk,
        accelerator: base.accelerator,
        serveShares: request.serveShares,
        files: {
          ...("template" in from
            ? { "/template/memory": from.template.memory }
            : { "/template/kernel": from.boot.kernel, "/template/initramfs": from.boot.initramfs }),
          ...(helps ? { [openerInside]: dependencies.opener } : {}),
        },
      }),
    ],
  ];
}

/** A file or socket at a host's path that QEMU gets as a descriptor. */
export function handed(source: string, descriptor: number): readonly Field[] {
  return [
    [fieldTag.source, source],
    [fieldTag.fd, descriptor],
  ];
}

import { createHash, randomBytes } from "node:crypto";
import type { ResourceLimits } from "../../domain/limits.ts";
import type { InterfaceSetup } from "../../domain/network.ts";
import type { ProcessSpec } from "../../domain/process.ts";
import type { WorkloadMount, WorkloadSpec } from "../../domain/runtime.ts";
import type { Field } from "../../domain/shim.ts";
import { fieldTag } from "../../spec/workload.ts";
import { capabilityMask } from "./capabilities.ts";
import type { HostSocket } from "./sockets.ts";
import { firstMac } from "./command-line.ts";

/** Docker's; the guest's kernel is its own, but a process inside is to see the same (moby, oci/defaults.go). */
const readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];
const maskedPaths = [
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/sched_debug",
];

/** Resource numbers of Linux on x86-64 and arm64 by ulimit name (asm-generic/resource.h). */
const resources: Readonly<Record<string, number>> = {
  cpu: 0,
  fsize: 1,
  data: 2,
  stack: 3,
  core: 4,
  rss: 5,
  nproc: 6,
  nofile: 7,
  memlock: 8,
  as: 9,
  locks: 10,
  sigpending: 11,
  msgqueue: 12,
  nice: 13,
  rtprio: 14,
  rttime: 15,
};

export interface GuestDisk {
  readonly size: number;
  readonly fileSystem: string;
}

/** The fields of SETUP: what makes a clone this workload's own. `shares` names each bind mount's share. */
export function setupFields(
  spec: WorkloadSpec,
  disk: GuestDisk,
  shares: ReadonlyMap<WorkloadMount, string>,
  sockets: ReadonlyMap<WorkloadMount, HostSocket>,
): readonly Field[] {
  const { resources: limits } = spec;
  const root: Field[] = [
    [fieldTag.size, disk.size],
    [fieldTag.fileSystem, disk.fileSystem],
  ];
  return [
    ...identityFields(spec),
    [fieldTag.disk, root],
    [fieldTag.readonly, spec.readonlyRoot ? 1 : 0],
    [fieldTag.networkKind, spec.network.kind],
    ...Object.entries(spec.files).map(([path, content]): Field => {
      return [
        fieldTag.file,
        [
          [fieldTag.path, path],
          [fieldTag.content, Buffer.from(content)],
        ],
      ];
    }),
    ...spec.mounts.map((mount): Field => {
      const socket = sockets.get(mount);
      const fields =
        socket === undefined
          ? guestMount(mount, shares.get(mount) ?? "")
          : guestSocket(mount, socket);
      return [fieldTag.guestMount, fields];
    }),
    ...limitFields(limits),
    ...(limits.shmSize > 0 ? ([[fieldTag.shmSize, limits.shmSize]] as const) : []),
  ];
}

/** What the guest's kernel limits its workload to, for SETUP and UPDATE; 0 is no limit. */
export function limitFields(limits: Pick<ResourceLimits, "pids" | "memory">): readonly Field[] {
  return [
    [fieldTag.pidsLimit, Math.max(0, limits.pids ?? 0)],
    [fieldTag.memoryLimit, limits.memory],
  ];
}

/** Fresh entropy and the time now; the machine's id follows from the workload's, as it is to last. */
export function identityFields(
  spec: Pick<WorkloadSpec, "id" | "hostname" | "domainname">,
): readonly Field[] {
  const machineId = createHash("sha256").update(`machine-id ${spec.id}`).digest("hex").slice(0, 32);
  return [
    [fieldTag.entropy, randomBytes(64)],
    [fieldTag.clock, BigInt(Date.now()) * 1_000_000n],
    [fieldTag.hostname, spec.hostname.slice(0, 64)],
    [fieldTag.domainname, spec.domainname.slice(0, 64)],
    [fieldTag.machineId, machineId],
  ];
}

function guestMount(mount: WorkloadMount, share: string): readonly Field[] {
  return [
    [fieldTag.type, mount.kind === "tmpfs" ? "tmpfs" : "share"],
    [fieldTag.source, share],
    [fieldTag.mountPoint, mount.target],
    [fieldTag.readonly, mount.readonly ? 1 : 0],
    ...mount.options.map((option): Field => [fieldTag.option, option]),
  ];
}

/** The mounts of a machine that has no workload. */
export function shareFields(shares: ReadonlyMap<WorkloadMount, string>): readonly Field[] {
  return [...shares].map(([mount, share]): Field => [
    fieldTag.guestMount,
    guestMount(mount, share),
  ]);
}

function guestSocket(mount: WorkloadMount, socket: HostSocket): readonly Field[] {
  return [
    [fieldTag.type, "socket"],
    [fieldTag.source, `${socket.number}`],
    [fieldTag.mountPoint, mount.target],
    [fieldTag.uid, socket.uid],
    [fieldTag.gid, socket.gid],
    [fieldTag.mode, socket.mode],
  ];
}

/** The fields of CREATE. */
export function createFields(spec: WorkloadSpec): readonly Field[] {
  const { security } = spec;
  const open = security.privileged;
  return [
    ...processFields(spec.process),
    [fieldTag.stdinOnce, (spec.process.stdinOnce ?? true) ? 1 : 0],
    [fieldTag.capabilities, capabilityMask(security)],
    [fieldTag.noNewPrivileges, security.noNewPrivileges ? 1 : 0],
    ...(open ? [] : (security.maskedPaths ?? maskedPaths)).map((path): Field => [
      fieldTag.maskedPath,
      path,
    ]),
    ...(open ? [] : (security.readonlyPaths ?? readonlyPaths)).map((path): Field => [
      fieldTag.readonlyPath,
      path,
    ]),
    [fieldTag.init, spec.init ? 1 : 0],
    [fieldTag.oomScore, 1000 + spec.resources.oomScoreAdjust],
    ...spec.resources.ulimits.map((ulimit): Field => {
      const group: Field[] = [
        [fieldTag.number, resources[ulimit.name] ?? 0xff],
        [fieldTag.soft, unlimited(ulimit.soft)],
        [fieldTag.hard, unlimited(ulimit.hard)],
      ];
      return [fieldTag.limit, group];
    }),
    ...Object.entries(security.sysctls).map(([name, value]): Field => {
      const group: Field[] = [
        [fieldTag.name, name],
        [fieldTag.value, value],
      ];
      return [fieldTag.sysctl, group];
    }),
  ];
}

function unlimited(value: number): bigint {
  return value < 0 ? 0xffff_ffff_ffff_ffffn : BigInt(Math.trunc(value));
}

export function isUlimit(name: string): boolean {
  return Object.hasOwn(resources, name);
}

/** The fields of a process, for CREATE and EXEC. */
export function processFields(process: ProcessSpec): readonly Field[] {
  return [
    ...process.argv.map((word): Field => [fieldTag.argument, word]),
    ...process.env.map((variable): Field => [fieldTag.environment, variable]),
    [fieldTag.directory, process.workingDirectory],
    [fieldTag.user, process.user],
    ...process.groups.map((group): Field => [fieldTag.group, group]),
    [fieldTag.terminal, process.terminal === null ? 0 : 1],
    [fieldTag.rows, process.terminal?.rows ?? 0],
    [fieldTag.columns, process.terminal?.columns ?? 0],
    [fieldTag.stdin, process.stdin ? 1 : 0],
    [fieldTag.privileged, process.privileged ? 1 : 0],
  ];
}

/** The fields of NETWORK. The guest has one device, so its name on arrival is left open. */
export function networkFields(interfaces: readonly InterfaceSetup[]): readonly Field[] {
  return interfaces.map((one): Field => {
    const group: Field[] = [
      [fieldTag.device, one.device],
      [fieldTag.name, one.name],
      [fieldTag.mac, one.mac],
      [fieldTag.firstMac, firstMac],
      ...one.addresses.map((address): Field => [fieldTag.address, address]),
      ...one.routes.map((route): Field => {
        return [
          fieldTag.route,
          [
            [fieldTag.destination, route.destination],
            [fieldTag.gateway, route.gateway],
          ],
        ];
      }),
      [fieldTag.mtu, one.mtu],
      ...(one.ipv6 === undefined ? [] : [[fieldTag.ipv6, Number(one.ipv6)] as const]),
    ];
    return [fieldTag.interface, group];
  });
}

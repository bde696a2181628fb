import type { Shape } from "./shape.ts";

export type Accelerator = "tcg" | "kvm";

/** The name of the agent's port, as the guest sees it. */
export const agentPortName = "org.duet.agent";

export type MemorySharing = "shared" | "private" | "private-readonly";

/** Options of memory-backend-file (qemu-qmp-ref; `rom` since 8.2). */
const memoryOptions: Readonly<Record<MemorySharing, string>> = {
  shared: "share=on",
  private: "share=off",
  "private-readonly": "share=off,readonly=on,rom=off",
};

/** Everything that differs from one QEMU to the next. */
export interface MachineFiles {
  /**
   * File that is the guest's memory, or null for anonymous memory (cold boot). A template's is written to;
   * a clone's is mapped copy-on-write, `readonly` where QEMU can open it so.
   */
  readonly memory: { readonly path: string; readonly sharing: MemorySharing } | null;
  /** Where the agent's port ends: a socket that QEMU makes, or a descriptor that it is given. */
  readonly agent: { readonly socket: string } | { readonly fd: number };
  /**
   * The monitor: a listening socket that QEMU is given, or one that it makes, with `last`, a socket that
   * nobody uses: QEMU opens its sockets in order, so that once the last has a name the others listen.
   */
  readonly monitor: { readonly fd: number } | { readonly socket: string; readonly last: string };
  /** The root disk as it starts; a template's and a pool member's is a placeholder. */
  readonly disk: { readonly path: string; readonly format: "raw" | "qcow2" };
  /** Folder behind the guest's share. */
  readonly shares: string;
  readonly tap: { readonly fd: number } | { readonly device: string };
}

export interface BootFiles {
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * QEMU's arguments. Same shape and accelerator give the same devices in the same slots, which is what
 * a clone needs; only files differ. `boot` is null for a clone, which waits for its template's state.
 */
export function qemuArguments(
  shape: Shape,
  accelerator: Accelerator,
  files: MachineFiles,
  boot: BootFiles | null,
): readonly string[] {
  return [
    ...machineArguments(shape, accelerator, files),
    ...deviceArguments(files),
    ...(boot === null ? ["-incoming", "defer"] : bootArguments(boot)),
  ];
}

function machineArguments(
  shape: Shape,
  accelerator: Accelerator,
  files: MachineFiles,
): readonly string[] {
  const backend =
    files.memory === null
      ? `memory-backend-ram,id=memory,size=${shape.memory}`
      : `memory-backend-file,id=memory,size=${shape.memory},mem-path=${escaped(files.memory.path)},${memoryOptions[files.memory.sharing]}`;
  return [
    ...commonArguments(accelerator),
    "-no-reboot",
    ...["-machine", `${machineType},memory-backend=memory`],
    ...["-m", `${shape.memory / (1 << 20)}`, "-smp", `${shape.processors}`, "-object", backend],
  ];
}

/** A machine without what no guest of ours needs. */
export const machineType = "q35,usb=off,smbus=off,sata=off,vmport=off,hpet=off";

/**
 * Emulated, a string instruction takes a round for each of its items. A kernel that is told that those for bytes are
 * fast copies and clears memory by bytes, else by eight of them: reading files out of a guest takes 30 % more.
 */
const emulatedProcessor = "max,-erms,-fsrm";

/** What every QEMU of ours is started with. */
export function commonArguments(accelerator: Accelerator): readonly string[] {
  const isKvm = accelerator === "kvm";
  return [
    ...["-name", "duet", "-nodefaults", "-no-user-config", "-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-accel", isKvm ? "kvm" : "tcg,thread=multi", "-cpu", isKvm ? "host" : emulatedProcessor],
  ];
}

/** A comma in a value is doubled (QEMU's option syntax). */
function escaped(value: string): string {
  return value.replaceAll(",", ",,");
}

function deviceArguments(files: MachineFiles): readonly string[] {
  const agent =
    "fd" in files.agent
      ? `fd=${files.agent.fd}`
      : `path=${escaped(files.agent.socket)},server=on,wait=off`;
  const monitor =
    "fd" in files.monitor ? `fd=${files.monitor.fd}` : `path=${escaped(files.monitor.socket)}`;
  const tap =
    "fd" in files.tap ? `fd=${files.tap.fd}` : `ifname=${files.tap.device},script=no,downscript=no`;
  return [
    ...["-chardev", "ringbuf,id=console,size=65536", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=monitor,${monitor},server=on,wait=off`],
    ...["-mon", "chardev=monitor,mode=control"],
    ...["-device", "vmgenid,guid=auto"],
    ...["-device", "virtio-serial-pci,id=ports,max_ports=2"],
    ...["-chardev", `socket,id=agent,${agent}`],
    ...["-device", `virtserialport,bus=ports.0,nr=1,chardev=agent,name=${agentPortName}`],
    ...("fd" in files.monitor
      ? []
      : ["-chardev", `socket,id=last,path=${escaped(files.monitor.last)},server=on,wait=off`]),
    ...["-blockdev", JSON.stringify(diskNode(files.disk.path, files.disk.format))],
    ...["-blockdev", JSON.stringify({ driver: "raw", "node-name": "root", file: "disk" })],
    ...["-device", "virtio-blk-pci,drive=root,id=root-device"],
    ...networkPorts(),
    ...["-netdev", `tap,id=${networkBackend(0)},${tap},vhost=off`],
    ...["-device", Object.entries(networkCard(0, firstMac)).map(option).join(",")],
    ...["-device", "virtio-rng-pci"],
    ...[
      "-fsdev",
      `local,id=shares,path=${escaped(files.shares)},security_model=passthrough,multidevs=remap`,
    ],
    ...["-device", "virtio-9p-pci,fsdev=shares,mount_tag=duet"],
  ];
}

/** The address that a template's card has, and with it that of every clone until the agent gives it another. */
export const firstMac = "02:64:75:65:74:01";

/** How many network interfaces a machine can have at a time: the first is there from the start. */
export const mostNetworks = 8;

/** Ports of their own, so that interfaces come and go while the guest runs. Eight share one slot. */
export function networkPorts(): readonly string[] {
  return Array.from({ length: mostNetworks }, (_, index) => index).flatMap((index) => [
    "-device",
    `pcie-root-port,id=port${index},chassis=${index + 1},addr=0x10.${index},multifunction=on`,
  ]);
}

/** Name of what carries the frames of a machine's interface. */
export function networkBackend(index: number): string {
  return `network${index}`;
}

/** Name of the device that is a machine's interface. */
export function cardName(index: number): string {
  return `card${index}`;
}

/** The device that is a machine's interface, as `-device` and `device_add` take it. */
export function networkCard(index: number, mac: string): Readonly<Record<string, string>> {
  return {
    driver: "virtio-net-pci",
    id: cardName(index),
    bus: `port${index}`,
    netdev: networkBackend(index),
    mac,
    romfile: "",
  };
}

function option([name, value]: readonly [string, string]): string {
  return name === "driver" ? value : `${name}=${value}`;
}

/** A disk by explicit format, so that its content never chooses the driver. */
export function diskNode(path: string, format: "raw" | "qcow2", name = "disk"): object {
  return {
    driver: format,
    "node-name": name,
    file: { driver: "file", filename: path, "node-name": `${name}-file`, locking: "on" },
  };
}

/**
 * Boot parameters: no mitigations (the guest holds one workload and the host is outside), expedited
 * grace periods (mounts and namespaces wait for them), no security module (capabilities remain).
 */
const parameters = [
  "console=ttyS0",
  "quiet",
  "panic=-1",
  "mitigations=off",
  "lsm=",
  "audit=0",
  "cgroup_no_v1=all",
  "rcupdate.rcu_expedited=1",
  "8250.nr_uarts=1",
  "no_timer_check",
  "random.trust_cpu=on",
].join(" ");

function bootArguments(boot: BootFiles): readonly string[] {
  return ["-kernel", boot.kernel, "-initrd", boot.initramfs, "-append", parameters];
}

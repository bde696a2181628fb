import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import type { BootDiskRequest } from "../../domain/boot-disk.ts";
import { cpio, type CpioEntry } from "../../kit/cpio.ts";
import { encodeFields, type WireField } from "../../kit/frames/fields.ts";
import {
  inLoadOrder,
  moduleName,
  readModule,
  readModuleAliases,
  readModuleTable,
} from "../../kit/kernel-modules.ts";
import { fieldTag } from "../../spec/workload.ts";

/** A kernel for disks: its bzImage, and the folder of its modules. */
export interface BootKernel {
  readonly release: string;
  readonly image: string;
  readonly modules: string;
}

const directory = 0o040755;
const program = 0o100755;
const data = 0o100644;

/** Loaded whatever the hardware: the root's file system, disks, and the power button's key. */
const always = ["crc32c_generic", "crc32c_intel", "ext4", "sd_mod", "evdev"];
/**
 * Loaded where their hardware is: what QEMU, VirtualBox, VMware, Hyper-V and Xen show a guest, and what
 * most real machines boot from.
 */
const onDemand = [
  ...["virtio_pci", "virtio_mmio", "virtio_blk", "virtio_scsi", "virtio_net", "virtio_console"],
  ...["virtio_rng", "virtio_balloon", "virtio_input"],
  ...["ahci", "ata_piix", "ata_generic", "nvme", "sr_mod", "mptspi", "mptsas", "vmw_pvscsi"],
  ...["megaraid_sas", "sym53c8xx", "BusLogic", "sdhci_pci", "mmc_block"],
  ...[
    "xhci_pci",
    "ehci_pci",
    "ohci_pci",
    "uhci_hcd",
    "usb_storage",
    "uas",
    "usbhid",
    "hid_generic",
  ],
  ...["e1000", "e1000e", "igb", "igc", "r8169", "8139cp", "8139too", "pcnet32", "vmxnet3", "tg3"],
  ...["hv_storvsc", "hv_netvsc", "hv_utils", "hid_hyperv", "hyperv_keyboard", "hv_vmbus"],
  ...["xen_blkfront", "xen_netfront", "button"],
];

/** What a disk boots into: the init, the modules that hardware may need, and what is to be run. */
export async function bootInitramfs(
  kernel: BootKernel,
  init: string,
  request: BootDiskRequest,
  rootId: string,
  signal: AbortSignal,
): Promise<Buffer> {
  const entries: CpioEntry[] = ["dev", "proc", "sys", "run", "root", "modules", "duet"].map(
    (path) => ({ path, mode: directory }),
  );
  const fields = encodeFields(bootFields(request, rootId));
  entries.push(
    { path: "init", mode: program, content: await readFile(init) },
    { path: "duet/boot", mode: 0o100600, content: fields },
    ...(await moduleEntries(kernel, signal)),
  );
  const level = { [constants.ZSTD_c_compressionLevel]: 6 };
  return zstdCompressSync(cpio(entries), { params: level });
}

async function moduleEntries(
  kernel: BootKernel,
  signal: AbortSignal,
): Promise<readonly CpioEntry[]> {
  const table = await readModuleTable(kernel.modules);
  const names = (wanted: readonly string[]): string =>
    inLoadOrder(table, wanted).map(fileName).join(" ");
  const wanted = new Set(onDemand.map(moduleName));
  const aliases = await readModuleAliases(kernel.modules);
  const lines = [
    `- ${names(always)}`,
    ...aliases
      .filter(({ module }) => wanted.has(module))
      .map(({ pattern, module }) => `${pattern} ${names([module])}`),
  ];
  const files: CpioEntry[] = [
    { path: "modules/aliases", mode: data, content: Buffer.from(`${lines.join("\n")}\n`) },
  ];
  for (const path of inLoadOrder(table, [...always, ...onDemand])) {
    const content = await readModule(join(kernel.modules, path), signal);
    files.push({ path: `modules/${fileName(path)}`, mode: data, content });
  }
  return files;
}

function fileName(path: string): string {
  return basename(path).replace(/\.(xz|zst|gz)$/, "");
}

/** Programs that are an init of their own: one of them becomes the machine's first process. */
const inits = new Set([
  "/sbin/init",
  "/usr/sbin/init",
  "/bin/systemd",
  "/lib/systemd/systemd",
  "/usr/lib/systemd/systemd",
  "/sbin/openrc-init",
]);

/** The fields that native/boot reads. */
export function bootFields(request: BootDiskRequest, rootId: string): readonly WireField[] {
  const { process, network, ssh } = request;
  return [
    [fieldTag.id, rootId],
    [fieldTag.hostname, request.hostname],
    [fieldTag.networkKind, network.kind],
    ...(network.kind === "static" ? staticFields(network) : []),
    ...process.argv.map((word): WireField => [fieldTag.argument, word]),
    ...process.env.map((variable): WireField => [fieldTag.environment, variable]),
    [fieldTag.directory, process.workingDirectory],
    [fieldTag.user, process.user],
    [fieldTag.signal, process.stopSignal],
    [fieldTag.init, inits.has(process.argv[0] ?? "") ? 1 : 0],
    ...request.folders.map((path): WireField => [fieldTag.mountPoint, path]),
    ...(ssh === null
      ? []
      : [
          ...ssh.server.map((word): WireField => [fieldTag.program, word]),
          [fieldTag.value, ssh.keys] satisfies WireField,
        ]),
  ];
}

function staticFields(
  network: Extract<BootDiskRequest["network"], { readonly kind: "static" }>,
): readonly WireField[] {
  const route: WireField[] =
    network.gateway === null
      ? []
      : [
          [
            fieldTag.route,
            [
              [fieldTag.destination, "default"],
              [fieldTag.gateway, network.gateway],
            ],
          ],
        ];
  const device: WireField[] = [
    [fieldTag.device, "eth0"],
    [fieldTag.name, "eth0"],
    [fieldTag.address, network.address],
    ...route,
  ];
  const lines = network.nameservers.map((server) => `nameserver ${server}\n`).join("");
  const resolver: WireField[] = [
    [fieldTag.path, "/etc/resolv.conf"],
    [fieldTag.content, lines],
  ];
  return [
    [fieldTag.interface, device],
    ...(lines === "" ? [] : [[fieldTag.file, resolver] satisfies WireField]),
  ];
}

import { machineType, commonArguments, networkPorts, type Accelerator } from "./command-line.ts";
import type { Shape } from "./shape.ts";

/** Where the files of a machine that boots its own disk are, as its QEMU sees them. */
export interface ApplianceFiles {
  readonly overlay: string;
  readonly base: { readonly path: string; readonly format: "raw" | "qcow2" };
  /** UEFI's code and the variables that this machine has set; null for BIOS. */
  readonly firmware: { readonly code: string; readonly variables: string } | null;
  /** What it is told at its start, as a disk of its own; null for none. */
  readonly seed: string | null;
  /** Descriptor of the monitor's listening socket. */
  readonly monitor: number;
}

/**
 * QEMU's arguments. It waits for `cont` before the first instruction. Drivers and files of all nodes are named here:
 * what a disk says of itself and of other files is not asked for (attack group G 88). Network cards are plugged
 * before the start.
 */
export function applianceArguments(
  shape: Shape,
  accelerator: Accelerator,
  files: ApplianceFiles,
): readonly string[] {
  const { firmware, base } = files;
  const flash = firmware === null ? "" : ",pflash0=firmware,pflash1=variables";
  return [
    ...commonArguments(accelerator),
    "-S",
    /* Without graphics the BIOS and a loader that prints by it come out of the serial port. */
    ...["-machine", `${machineType},graphics=off${flash}`],
    ...["-m", `${Math.floor(shape.memory / (1 << 20))}`, "-smp", `${shape.processors}`],
    ...["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"],
    ...["-chardev", `socket,id=monitor,fd=${files.monitor},server=on,wait=off`],
    ...["-mon", "chardev=monitor,mode=control"],
    ...["-device", "vmgenid,guid=auto"],
    ...(firmware === null
      ? []
      : [
          ...node({ ...fileOf("raw", firmware.code, true), "node-name": "firmware" }),
          ...node({ ...fileOf("raw", firmware.variables, false), "node-name": "variables" }),
        ]),
    ...node({
      ...fileOf(base.format, base.path, true),
      ...(base.format === "qcow2" ? { backing: null } : {}),
      "node-name": "base",
    }),
    ...node({
      ...fileOf("qcow2", files.overlay, false),
      backing: "base",
      discard: "unmap",
      "node-name": "disk",
    }),
    ...["-device", "virtio-blk-pci,drive=disk,id=root-device,bootindex=0"],
    ...(files.seed === null
      ? []
      : [
          ...node({ ...fileOf("raw", files.seed, true), "node-name": "seed" }),
          ...["-device", "virtio-blk-pci,drive=seed"],
        ]),
    ...networkPorts(),
    ...["-device", "virtio-rng-pci"],
  ];
}

function node(options: object): readonly string[] {
  return ["-blockdev", JSON.stringify(options)];
}

function fileOf(driver: string, path: string, readonly: boolean): object {
  return {
    driver,
    "read-only": readonly,
    file: {
      driver: "file",
      filename: path,
      "read-only": readonly,
      ...(readonly ? {} : { discard: "unmap" }),
    },
  };
}

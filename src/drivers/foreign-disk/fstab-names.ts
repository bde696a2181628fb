import type { ForeignFileSystem } from "../../domain/foreign-disk.ts";

/** Where a file system's first block has its UUID and its label. */
const places: Readonly<
  Record<
    ForeignFileSystem,
    { readonly uuid: number; readonly label: number; readonly longest: number }
  >
> = {
  ext4: { uuid: 1_024 + 0x68, label: 1_024 + 0x78, longest: 16 },
  xfs: { uuid: 32, label: 108, longest: 12 },
  btrfs: { uuid: 0x10020, label: 0x1012b, longest: 256 },
};

/** `UUID=` and `LABEL=` of the file system that begins with `start`, as fstab(5) has them. */
export function fileSystemNames(start: Buffer, fileSystem: ForeignFileSystem): readonly string[] {
  const { uuid, label, longest } = places[fileSystem];
  if (start.length < label + longest) return [];
  const text = start.toString("utf8", label, label + longest).replace(/\0[^]*$/, "");
  const id = dashed(start.toString("hex", uuid, uuid + 16));
  return [`UUID=${id}`, ...(text === "" ? [] : [`LABEL=${text}`])];
}

/** `PARTUUID=` and `PARTLABEL=` of an entry of a GPT (UEFI 2.10, 5.3.3). */
export function gptNames(entry: Buffer): readonly string[] {
  const id = Buffer.from(entry.subarray(16, 32));
  for (const [from, to] of [
    [0, 4],
    [4, 6],
    [6, 8],
  ] as const)
    id.subarray(from, to).reverse();
  const label = entry.toString("utf16le", 56, 128).replace(/\0[^]*$/, "");
  return [
    `PARTUUID=${dashed(id.toString("hex"))}`,
    ...(label === "" ? [] : [`PARTLABEL=${label}`]),
  ];
}

/** The kernel's `PARTUUID=` of a partition of an MBR: the disk's signature and the number. */
export function mbrNames(head: Buffer, number: number): readonly string[] {
  const signature = head.readUInt32LE(440).toString(16).padStart(8, "0");
  return [`PARTUUID=${signature}-${number.toString(16).padStart(2, "0")}`];
}

function dashed(hex: string): string {
  return [
    [0, 8],
    [8, 12],
    [12, 16],
    [16, 20],
    [20, 32],
  ]
    .map(([from, to]) => hex.slice(from, to))
    .join("-");
}

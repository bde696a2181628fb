/** A file of a FAT file system: folders and file name in upper case, each 8.3, such as `EFI/BOOT/BOOTX64.EFI`. */
export interface FatFile {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Bytes to write at a place; everything else is zero. */
export interface DiskPart {
  readonly offset: number;
  readonly data: Uint8Array;
}

const sector = 512;
const reservedSectors = 32;
const entrySize = 32;
const firstCluster = 2;
const endOfChain = 0x0fffffff;
/** Below this many clusters a file system is read as FAT16 (Microsoft's FAT specification, "FAT Type Determination"). */
const leastClusters = 65_525;
const isFolder = 0x10;
const isFile = 0x20;
const isLabel = 0x08;

interface Folder {
  readonly name: string;
  readonly folders: Map<string, Folder>;
  readonly files: FatFile[];
}

interface Placed {
  readonly cluster: number;
  readonly size: number;
}

/**
 * A FAT32 file system of `size` bytes with these files, one sector a cluster, each file in one piece: what
 * firmware reads (UEFI 2.10, 13.3). `hidden` are the sectors before it on its disk. Throws RangeError where
 * the files do not fit, or for a size that is no FAT32.
 */
export function fatParts(
  size: number,
  files: readonly FatFile[],
  options: { readonly serial: number; readonly label: string; readonly hidden: number },
): readonly DiskPart[] {
  const sectors = Math.floor(size / sector);
  const tableSectors = Math.ceil((sectors - reservedSectors) / (sector / 4 + 2)) + 1;
  const dataStart = reservedSectors + 2 * tableSectors;
  const clusters = sectors - dataStart;
  if (clusters < leastClusters) throw new RangeError(`${size} bytes are too few for FAT32`);
  const writer = new ClusterWriter(clusters, dataStart);
  writer.writeFolder(tree(files), null, options.label);
  const table = writer.table();
  const boot = bootSector({ ...options, sectors, tableSectors });
  return [
    { offset: 0, data: boot },
    { offset: sector, data: infoSector(clusters - writer.used) },
    { offset: 6 * sector, data: boot },
    { offset: reservedSectors * sector, data: table },
    { offset: (reservedSectors + tableSectors) * sector, data: table },
    ...writer.parts,
  ];
}

function tree(files: readonly FatFile[]): Folder {
  const root: Folder = { name: "", folders: new Map(), files: [] };
  for (const file of files) {
    const steps = file.path.split("/").slice(0, -1);
    let folder = root;
    for (const name of steps) {
      const below = folder.folders.get(name) ?? { name, folders: new Map(), files: [] };
      folder.folders.set(name, below);
      folder = below;
    }
    folder.files.push(file);
  }
  return root;
}

class ClusterWriter {
  readonly parts: DiskPart[] = [];
  private readonly chains: Placed[] = [];
  private readonly clusters: number;
  private readonly dataStart: number;
  private next = firstCluster;

  constructor(clusters: number, dataStart: number) {
    this.clusters = clusters;
    this.dataStart = dataStart;
  }

  get used(): number {
    return this.next - firstCluster;
  }

  /** The root's own cluster is the first one, as its boot sector says. */
  writeFolder(folder: Folder, parent: number | null, label = ""): Placed {
    const entries = folder.folders.size + folder.files.length + 2;
    const placed = this.place(entries * entrySize);
    const content = Buffer.alloc(entries * entrySize);
    let at = 0;
    const add = (name: string, kind: number, what: Placed): void => {
      entry(name, kind, what).copy(content, at);
      at += entrySize;
    };
    if (parent === null) add(label, isLabel, { cluster: 0, size: 0 });
    else {
      add(".", isFolder, { ...placed, size: 0 });
      add("..", isFolder, { cluster: parent === firstCluster ? 0 : parent, size: 0 });
    }
    for (const below of folder.folders.values())
      add(below.name, isFolder, { ...this.writeFolder(below, placed.cluster), size: 0 });
    for (const file of folder.files) {
      const name = file.path.slice(file.path.lastIndexOf("/") + 1);
      add(name, isFile, this.write(file.content));
    }
    this.parts.push({ offset: this.offsetOf(placed.cluster), data: content });
    return placed;
  }

  /** Entry n says which cluster comes after n. */
  table(): Buffer {
    const table = Buffer.alloc(this.next * 4);
    table.writeUInt32LE(0x0ffffff8, 0);
    table.writeUInt32LE(endOfChain, 4);
    for (const { cluster, size } of this.chains) {
      const last = cluster + Math.max(1, Math.ceil(size / sector)) - 1;
      for (let at = cluster; at < last; at += 1) table.writeUInt32LE(at + 1, at * 4);
      table.writeUInt32LE(endOfChain, last * 4);
    }
    return table;
  }

  private write(content: Uint8Array): Placed {
    if (content.length === 0) return { cluster: 0, size: 0 };
    const placed = this.place(content.length);
    this.parts.push({ offset: this.offsetOf(placed.cluster), data: content });
    return placed;
  }

  private place(size: number): Placed {
    const placed = { cluster: this.next, size };
    this.next += Math.max(1, Math.ceil(size / sector));
    if (this.used > this.clusters) throw new RangeError("the files do not fit into the partition");
    this.chains.push(placed);
    return placed;
  }

  private offsetOf(cluster: number): number {
    return (this.dataStart + cluster - firstCluster) * sector;
  }
}

function entry(name: string, kind: number, { cluster, size }: Placed): Buffer {
  const bytes = Buffer.alloc(entrySize);
  bytes.write(shortName(name, kind), 0, "latin1");
  bytes[11] = kind;
  /* 1980-01-01, the first day that there is. */
  bytes.writeUInt16LE(0x21, 16);
  bytes.writeUInt16LE(0x21, 24);
  bytes.writeUInt16LE(Math.floor(cluster / 0x10000), 20);
  bytes.writeUInt16LE(cluster % 0x10000, 26);
  bytes.writeUInt32LE(size, 28);
  return bytes;
}

function shortName(name: string, kind: number): string {
  if (kind === isLabel) return name.slice(0, 11).padEnd(11);
  if (name === "." || name === "..") return name.padEnd(11);
  const [base = "", extension = ""] = name.split(".");
  if (!/^[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?$/.test(name))
    throw new RangeError(`no 8.3 name: ${name}`);
  return base.padEnd(8) + extension.padEnd(3);
}

function bootSector(facts: {
  readonly serial: number;
  readonly label: string;
  readonly hidden: number;
  readonly sectors: number;
  readonly tableSectors: number;
}): Buffer {
  const bytes = Buffer.alloc(sector);
  bytes.write("\u00eb\u0058\u0090DUET    ", 0, "latin1");
  bytes.writeUInt16LE(sector, 11);
  bytes[13] = 1;
  bytes.writeUInt16LE(reservedSectors, 14);
  bytes[16] = 2;
  bytes[21] = 0xf8;
  bytes.writeUInt16LE(63, 24);
  bytes.writeUInt16LE(255, 26);
  bytes.writeUInt32LE(facts.hidden, 28);
  bytes.writeUInt32LE(facts.sectors, 32);
  bytes.writeUInt32LE(facts.tableSectors, 36);
  bytes.writeUInt32LE(firstCluster, 44);
  bytes.writeUInt16LE(1, 48);
  bytes.writeUInt16LE(6, 50);
  bytes[64] = 0x80;
  bytes[66] = 0x29;
  bytes.writeUInt32LE(facts.serial, 67);
  bytes.write(facts.label.slice(0, 11).padEnd(11), 71, "latin1");
  bytes.write("FAT32   ", 82, "latin1");
  bytes.writeUInt16LE(0xaa55, 510);
  return bytes;
}

function infoSector(free: number): Buffer {
  const bytes = Buffer.alloc(sector);
  bytes.writeUInt32LE(0x41615252, 0);
  bytes.writeUInt32LE(0x61417272, 484);
  bytes.writeUInt32LE(free, 488);
  bytes.writeUInt32LE(0xffffffff, 492);
  bytes.writeUInt32LE(0xaa550000, 508);
  return bytes;
}

import type { ForeignDisk, ForeignPartition } from "../../domain/foreign-disk.ts";

/** What a root's fstab has mounted in it, of what its own disk has. */
export interface FstabMount {
  /** Path in the root, without slashes around it. */
  readonly place: string;
  readonly partition: ForeignPartition;
  /** The folder that is seen there, from above all subvolumes; "" for the file system as it is mounted unasked. */
  readonly folder: string;
}

const mostMounts = 32;
const fileSystems: ReadonlySet<string> = new Set(["auto", "ext2", "ext3", "ext4", "xfs", "btrfs"]);
/** What the kernel and the machine fill by themselves, and earlier states of the root itself (snapper). */
const leftOut = /^(?:proc|sys|dev|run|\.snapshots)(?:\/|$)/;

/** What an fstab says of a disk. */
export interface FstabParts {
  readonly mounts: readonly FstabMount[];
  /** Places that a root cannot do without, and that are not on the disk. */
  readonly missing: readonly string[];
  /** What it asks for on the disk that cannot be given, in words that follow "its fstab". */
  readonly refused: readonly string[];
}

/**
 * fstab(5): the parts of a root that lie in other partitions or subvolumes of its disk, those above first. What
 * is on other disks, on a network or in a format that Duet does not read is not among them. Somebody else's
 * text: what makes no sense is passed over.
 */
export function fstabMounts(text: string, disk: ForeignDisk): FstabParts {
  const mounts = new Map<string, FstabMount>();
  const missing: string[] = [];
  const refused: string[] = [];
  for (const line of text.split("\n")) {
    const [source = "", target = "", type = "", options = ""] = line.trim().split(/\s+/).map(plain);
    const place = placeOf(target);
    if (source === "" || source.startsWith("#") || place === null || mounts.has(place)) continue;
    const words = options.split(",");
    if (!fileSystems.has(type) || words.includes("noauto") || words.includes("bind")) continue;
    const partition = partitionOf(source, disk.partitions);
    if (partition === undefined) {
      if (place === "usr") missing.push("/usr");
      continue;
    }
    const folder = partition.fileSystem === "btrfs" ? subvolumeOf(words) : "";
    if (folder === null) refused.push(`mounts /${place} by the number of a subvolume`);
    else mounts.set(place, { place, partition, folder });
    if (mounts.size <= mostMounts) continue;
    refused.push(`mounts more than ${mostMounts} file systems`);
    break;
  }
  const depth = ({ place }: FstabMount): number => place.split("/").length;
  return {
    mounts: [...mounts.values()].toSorted((one, other) => depth(one) - depth(other)),
    missing,
    refused,
  };
}

/** btrfs(5): its path from above all subvolumes; "" for the usual one, null for one that has only a number. */
function subvolumeOf(options: readonly string[]): string | null {
  const of = (name: string): string | undefined =>
    options.findLast((word) => word.startsWith(name))?.slice(name.length);
  const [path, number] = [of("subvol="), of("subvolid=")];
  if (path === undefined && number !== undefined) return isTopLevel(number) ? "/" : null;
  return path === undefined ? "" : `/${path.replaceAll(/^\/+|\/+$/g, "")}`;
}

function isTopLevel(number: string): boolean {
  return ["0", "5"].includes(number);
}

/** White space in a name stands as `\040`. */
function plain(word: string): string {
  return word.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

function placeOf(target: string): string | null {
  const parts = target.split("/").filter((part) => part !== "");
  if (!target.startsWith("/") || parts.length === 0 || parts.length > 32) return null;
  if (parts.some((part) => part === "." || part === ".." || part.includes("\0"))) return null;
  const place = parts.join("/");
  return leftOut.test(place) ? null : place;
}

const links: Readonly<Record<string, string>> = {
  uuid: "UUID",
  label: "LABEL",
  partuuid: "PARTUUID",
  partlabel: "PARTLABEL",
};
/** A partition of a machine's first disk, whatever that is called. */
const firstDisk = /^\/dev\/(?:(?:sd|vd|xvd|hd)a|(?:nvme0n1|mmcblk0)p)(\d{1,3})$/;

function partitionOf(
  source: string,
  partitions: readonly ForeignPartition[],
): ForeignPartition | undefined {
  const number = firstDisk.exec(source)?.[1];
  if (number !== undefined) return partitions.find((one) => one.number === Number(number));
  const link = /^\/dev\/disk\/by-(uuid|label|partuuid|partlabel)\/(.+)$/.exec(source);
  const [, key, quoted] = /^([A-Z]+)=(.+)$/.exec(source) ?? [];
  const kind = link === null ? key : links[link[1]!];
  const value = (link === null ? quoted : link[2])?.replaceAll(/^"|"$/g, "") ?? "";
  const wanted = `${kind}=${kind?.endsWith("UUID") === true ? value.toLowerCase() : value}`;
  return partitions.find(({ names }) => names.includes(wanted));
}

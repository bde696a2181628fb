import type { Identifiers } from "./layout.ts";

/** Who a disk is: VMware goes by the content's number and its uuid, VirtualBox by a UUID of its own. */
export interface VmdkIdentity {
  /** 128 bits in hexadecimal; the last 8 digits are the CID, and neither of the values that mean something. */
  readonly content: string;
  /** A UUID with dashes. */
  readonly uuid: string;
}

export function vmdkIdentity(identifiers: Identifiers): VmdkIdentity {
  const hex = identifiers.uuid("VMDK's content").replaceAll("-", "");
  /* ffffffff is "no parent", fffffffe is taken for "all zeros". */
  const cid = (identifiers.number("VMDK's CID") & 0x7fffffff).toString(16).padStart(8, "0");
  return { content: hex.slice(0, 24) + cid, uuid: identifiers.uuid("VMDK") };
}

/** Sectors that a descriptor has in a file: what VMware, VirtualBox and QEMU all leave for it. */
export const descriptorSectors = 20;

/**
 * The text in a VMDK that says what it is ("Virtual Disk Format 5.0", "The Descriptor File").
 * Stream-optimized ones are read-only by their nature: VMware and VirtualBox write that, too.
 */
export function vmdkDescriptor(disk: {
  readonly kind: "monolithicSparse" | "streamOptimized";
  readonly sectors: number;
  /** The name of the file that it is in. */
  readonly file: string;
  readonly identity: VmdkIdentity;
}): string {
  const { kind, sectors, file, identity } = disk;
  const { cylinders, heads, track } = geometry(sectors);
  const noUuid = "00000000-0000-0000-0000-000000000000";
  const database: Readonly<Record<string, string | number>> = {
    adapterType: "lsilogic",
    "geometry.cylinders": cylinders,
    "geometry.heads": heads,
    "geometry.sectors": track,
    longContentID: identity.content,
    /* No tools of VMware's are there, and none are to be offered: those of the guest's, if any (open-vm-tools). */
    toolsInstallType: 4,
    toolsVersion: 2_147_483_647,
    uuid: vmwareUuid(identity.uuid),
    "uuid.image": identity.uuid,
    "uuid.modification": noUuid,
    "uuid.parent": noUuid,
    "uuid.parentmodification": noUuid,
    virtualHWVersion: 4,
  };
  return [
    "# Disk DescriptorFile",
    "version=1",
    'encoding="UTF-8"',
    `CID=${identity.content.slice(-8)}`,
    "parentCID=ffffffff",
    `createType="${kind}"`,
    "",
    "# Extent description",
    `${kind === "streamOptimized" ? "RDONLY" : "RW"} ${sectors} SPARSE "${file}"`,
    "",
    "# The Disk Data Base",
    "#DDB",
    "",
    ...Object.entries(database).map(([key, value]) => `ddb.${key} = "${value}"`),
    "",
  ].join("\n");
}

const mostCylinders = 65_535;
const sectorsOfGibibyte = 2 ** 21;

/** What VMware gives SCSI disks: BIOSes had other translations for those of up to 1 and 2 GiB. */
function geometry(sectors: number): {
  readonly cylinders: number;
  readonly heads: number;
  readonly track: number;
} {
  const heads = sectors <= sectorsOfGibibyte ? 64 : sectors <= 2 * sectorsOfGibibyte ? 128 : 255;
  const track = heads === 255 ? 63 : 32;
  const cylinders = Math.min(mostCylinders, Math.max(1, Math.floor(sectors / (heads * track))));
  return { cylinders, heads, track };
}

/** As VMware writes them: 16 bytes in two halves, of which the first ones say whose they are (6000c29). */
function vmwareUuid(uuid: string): string {
  const digits = `6000c29${uuid.replaceAll("-", "").slice(7)}`;
  const bytes = digits.match(/../g) ?? [];
  return `${bytes.slice(0, 8).join(" ")}-${bytes.slice(8).join(" ")}`;
}

import type { ChainId } from "./image.ts";

export const diskFormats = ["raw", "qcow2", "vmdk", "vdi", "ova"] as const;
export type DiskFormat = (typeof diskFormats)[number];

/** How a machine made from a disk gets its address: by DHCP on every card, fixed on the first, or not at all. */
export type BootNetwork =
  | { readonly kind: "dhcp" | "none" }
  | {
      readonly kind: "static";
      /** With its prefix, such as `192.0.2.7/24`. */
      readonly address: string;
      readonly gateway: string | null;
      readonly nameservers: readonly string[];
    };

/** What a disk's machine runs; everything resolved. */
export interface BootProcess {
  readonly argv: readonly string[];
  readonly env: readonly string[];
  readonly user: string;
  readonly workingDirectory: string;
  /** The signal that asks it to end. */
  readonly stopSignal: number;
}

export interface BootDiskRequest {
  /** Name for people: what the machine is called in an OVA. */
  readonly name: string;
  readonly chain: ChainId | null;
  readonly format: DiskFormat;
  /** Bytes of the whole disk; null for what the image needs and room to work. */
  readonly size: number | null;
  readonly process: BootProcess;
  /** Absolute paths of folders that are made where the image has none: its volumes. */
  readonly folders: readonly string[];
  readonly hostname: string;
  readonly network: BootNetwork;
  /** The ssh server to start, and what authorized_keys is to hold; null for none. */
  readonly ssh: { readonly server: readonly string[]; readonly keys: string } | null;
  /** Release of the host's kernel to use; null for the newest that will do. */
  readonly kernel: string | null;
  /**
   * Seconds since the epoch that every time of the file system is to be, and that identifiers are made
   * from: the same request then gives the same disk. null for the time now and random ones.
   */
  readonly epoch: number | null;
}

/** A disk that waits to be read. Disposing removes it. */
export interface BootDisk extends AsyncDisposable {
  /** Bytes of the file. */
  readonly size: number;
  read(): AsyncIterable<Buffer>;
}

/** Makes disks that a machine boots by itself from the layers of images. */
export interface BootDisks {
  /**
   * Throws `unavailable` NO_BOOT_LOADER or NO_KERNEL, `invalid` DISK_TOO_SMALL, `unsupported`
   * ARCHITECTURE on hosts other than amd64.
   */
  make(request: BootDiskRequest, signal: AbortSignal): Promise<BootDisk>;
}

/** Body of `POST /duet/v1/images/{name}/disk`. Everything but the format may be left out. */
export interface ConvertBody {
  readonly format: "raw" | "qcow2" | "vmdk" | "vdi" | "ova";
  /** Bytes of the whole disk. */
  readonly size?: number | undefined;
  /** Release of a kernel on the daemon's host. */
  readonly kernel?: string | undefined;
  readonly hostname?: string | undefined;
  readonly network?: ConvertNetwork | undefined;
  /** Lines for root's authorized_keys. */
  readonly sshKeys?: string | undefined;
  readonly entrypoint?: readonly string[] | undefined;
  readonly command?: readonly string[] | undefined;
  readonly env?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly workingDirectory?: string | undefined;
  /** Seconds since the epoch: makes the disk reproducible. */
  readonly epoch?: number | undefined;
}

export interface ConvertNetwork {
  readonly kind: "dhcp" | "static" | "none";
  /** Of `static`: with its prefix, such as `192.0.2.7/24`. */
  readonly address?: string | undefined;
  readonly gateway?: string | undefined;
  readonly nameservers?: readonly string[] | undefined;
}

/** Query of `POST /duet/v1/images/import-disk`, whose body is the disk. */
export interface ImportDiskQuery {
  readonly reference?: string | undefined;
  readonly format?: string | undefined;
  readonly partition?: number | undefined;
  readonly changes?: readonly string[] | undefined;
  readonly message?: string | undefined;
}

export interface ImportDiskAnswer {
  /** Of the image. */
  readonly id: string;
}

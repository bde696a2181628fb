/** A mount in the host's own tree, such as a volume's file system, which several workloads share. */
export interface HostMount {
  /** As mount(2): `tmpfs`, `nfs`, `ext4`; "" or `none` where the options say `bind`. */
  readonly type: string;
  readonly source: string;
  /** Absolute path of a folder that exists. */
  readonly target: string;
  /** Words of mount(8), and what the file system itself understands. */
  readonly options: readonly string[];
}

/**
 * Makes and unmakes mounts of the host. What is mounted is asked of the kernel, never remembered: a
 * daemon that died leaves nothing that its successor does not find.
 */
export interface HostMounts {
  /** Throws `invalid` MOUNT_OPTION on options that no mount of a user's may have, and `invalid` MOUNT_FAILED. */
  mount(mount: HostMount, signal: AbortSignal): Promise<void>;
  /**
   * Binds `path` below the folder `base` onto `target`; no link on the way may lead out of `base`,
   * whoever changes it meanwhile. Throws `invalid` MOUNT_SUBPATH.
   */
  bindBeneath(base: string, path: string, target: string): void;
  /** The same, with `base` as the root in which links are followed, absolute ones too. */
  bindWithin(base: string, path: string, target: string): void;
  /** Mount points at and below a folder, deepest first. */
  below(folder: string): Promise<readonly string[]>;
  /** Unmounts everything at and below a folder. Idempotent. */
  unmount(folder: string): Promise<void>;
}

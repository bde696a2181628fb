import type { Digest } from "./digest.ts";

/** A mount(2) call to be made in a private mount namespace: the one thing in which file systems and execution meet. */
export interface Mount {
  readonly type: "overlay" | "bind" | "tmpfs" | "ext4" | "erofs";
  readonly source: string;
  /** Path below the root being assembled; "" for the root itself. */
  readonly target: string;
  /** `key=value` or flags such as `ro`, `nosuid`, `rbind`. */
  readonly options: readonly string[];
}

/** A mount that the user asked for. */
export interface MountSpec {
  readonly kind: "bind" | "volume" | "tmpfs" | "image";
  /** Host path, volume name ("" for an anonymous volume), image, or "" for tmpfs. */
  readonly source: string;
  readonly target: string;
  readonly readonly: boolean;
  readonly propagation: "" | "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  readonly nonRecursive: boolean;
  /** How deep read-only goes: `usual` is all that is mounted below where this host can; `all` demands it. */
  readonly readonlyDepth?: "usual" | "top" | "all";
  /** The words of `-v` after the target, which inspect gives back. */
  readonly mode?: string;
  /** Make a missing host path (`-v`), or refuse (`--mount`). */
  readonly createSource: boolean;
  /** Copy what the image has at the target into a new, empty volume. */
  readonly copyUp: boolean;
  /** Part of the volume, or of the image. */
  readonly volumeSubpath: string;
  readonly volumeDriver: string;
  readonly volumeOptions: Readonly<Record<string, string>>;
  readonly volumeLabels: Readonly<Record<string, string>>;
  /** Bytes; 0 for the kernel's default. */
  readonly tmpfsSize: number;
  /** Permission bits; -1 for the default 01777. */
  readonly tmpfsMode: number;
  readonly tmpfsOptions: readonly string[];
}

/** A volume without a name, from which the other kinds are made. */
export const emptyMount: MountSpec = {
  kind: "volume",
  source: "",
  target: "",
  readonly: false,
  propagation: "",
  nonRecursive: false,
  createSource: false,
  copyUp: true,
  volumeSubpath: "",
  volumeDriver: "",
  volumeOptions: {},
  volumeLabels: {},
  tmpfsSize: 0,
  tmpfsMode: -1,
  tmpfsOptions: [],
};

/** A mount as resolved at create. */
export interface MountRecord {
  readonly spec: MountSpec;
  /** Name of the volume behind it, or "". */
  readonly volume: string;
  /** Absolute host path; "" for tmpfs, and for an image while nothing runs. */
  readonly hostPath: string;
  readonly target: string;
  readonly readonly: boolean;
  /** The layers of a mounted image, the lowest first, which are kept as long as this. */
  readonly layers?: readonly Digest[];
  /** `ro`, `z` and the like of the `--volumes-from` that brought it. */
  readonly mode?: string;
}

export interface VolumeRecord {
  readonly name: string;
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly anonymous: boolean;
  /** Absolute host path of its data. */
  readonly mountpoint: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** Whether a container has copied its image's content up, or must still. */
  readonly populated: boolean;
}

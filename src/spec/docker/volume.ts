// Made from description/volume.ts by `npm run fix`: change it there.

/** `POST /volumes/create`. */
export interface VolumeCreateBody {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
  /** From API 1.42 on. */
  ClusterVolumeSpec?: unknown;
}

/** Bytes, and how many containers have it; -1 where not asked for. */
export interface VolumeUsage {
  Size: number;
  RefCount: number;
}

/** A volume. */
export interface VolumeBody {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  Status?: Record<string, unknown>;
  UsageData?: VolumeUsage;
}

/** `GET /volumes`. */
export interface VolumeListAnswer {
  Volumes: VolumeBody[];
  Warnings: string[] | null;
}

/** `POST /volumes/prune`. */
export interface VolumesPruneAnswer {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

/** Wire types of volumes (Docker Engine API). */

export interface VolumeCreateBody {
  Name?: string;
  Driver?: string;
  DriverOpts?: Record<string, string>;
  Labels?: Record<string, string>;
  ClusterVolumeSpec?: object;
}

export interface VolumeBody {
  CreatedAt: string;
  Driver: string;
  Labels: Record<string, string> | null;
  Mountpoint: string;
  Name: string;
  Options: Record<string, string> | null;
  Scope: string;
  UsageData?: { Size: number; RefCount: number };
}

export interface VolumeListAnswer {
  Volumes: VolumeBody[];
  Warnings: string[] | null;
}

export interface VolumesPruneAnswer {
  VolumesDeleted: string[] | null;
  SpaceReclaimed: number;
}

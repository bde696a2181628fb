import type { ModuleDescription } from "./form.ts";

export const volume: ModuleDescription = {
  VolumeCreateBody: {
    about: "`POST /volumes/create`.",
    go: "CreateOptions",
    fields: {
      Name: "string?",
      Driver: "string?",
      DriverOpts: "{string}?",
      Labels: "{string}?",
      ClusterVolumeSpec: "any? since 1.42",
    },
  },
  VolumeUsage: {
    about: "Bytes, and how many containers have it; -1 where not asked for.",
    fields: { Size: "int64", RefCount: "int64" },
  },
  VolumeBody: {
    about: "A volume.",
    fields: {
      CreatedAt: "time",
      Driver: "string",
      Labels: "{string} | null",
      Mountpoint: "string",
      Name: "string",
      Options: "{string} | null",
      Scope: "string",
      Status: "{any}?",
      UsageData: "VolumeUsage?",
    },
  },
  VolumeListAnswer: {
    about: "`GET /volumes`.",
    fields: { Volumes: "VolumeBody[]", Warnings: "string[] | null" },
  },
  VolumesPruneAnswer: {
    about: "`POST /volumes/prune`.",
    fields: { VolumesDeleted: "string[] | null", SpaceReclaimed: "uint64" },
  },
};

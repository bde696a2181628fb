import type { BuildCacheEntry } from "../../domain/build/cache-entry.ts";
import type { ContainerRecord } from "../../domain/container.ts";
import type { ImageName, ImageRecord } from "../../domain/image.ts";
import type { VolumeRecord } from "../../domain/mount.ts";
import type { NetworkRecord } from "../../domain/network.ts";
import { DuetError } from "../../kit/errors.ts";
import type { RecordKind } from "./record-table.ts";

export const containerKind: RecordKind<ContainerRecord> = {
  table: "containers",
  key: (container) => container.id,
  uniqueName: (container) => container.name,
  nameInUse: (name, owner) =>
    new DuetError(
      "conflict",
      "NAME_IN_USE",
      `Conflict. The container name "/${name}" is already in use by container "${owner}". ` +
        "You have to remove (or rename) that container to be able to reuse that name.",
      {
        subject: `container ${name}`,
        hint: "remove or rename that container, or choose another name",
      },
    ),
};

export const networkKind: RecordKind<NetworkRecord> = {
  table: "networks",
  key: (network) => network.id,
  uniqueName: (network) => network.spec.name,
  nameInUse: (name) =>
    new DuetError("conflict", "NAME_IN_USE", `network with name ${name} already exists`, {
      subject: `network ${name}`,
      hint: "remove that network, or choose another name",
    }),
};

export const imageKind: RecordKind<ImageRecord> = keyed("images", (image) => image.id);
export const imageNameKind: RecordKind<ImageName> = keyed("image_names", (name) => name.name);
export const volumeKind: RecordKind<VolumeRecord> = keyed("volumes", (volume) => volume.name);
export const buildCacheKind: RecordKind<BuildCacheEntry> = keyed(
  "build_cache",
  (entry) => entry.key,
);

function keyed<R>(table: RecordKind<R>["table"], key: (record: R) => string): RecordKind<R> {
  return {
    table,
    key,
    uniqueName: () => null,
    nameInUse: (name) => new DuetError("conflict", "NAME_IN_USE", `the name ${name} is in use`),
  };
}

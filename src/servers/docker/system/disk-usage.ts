import type { BuildCacheRecord } from "../../../engine/build/build.ts";
import type { DiskUsage } from "../../../engine/engine.ts";
import type { ImageSummary } from "../../../spec/docker/image.ts";
import type { BuildCacheBody, DiskUsageAnswer, ImageStorage } from "../../../spec/docker/system.ts";
import { ContainerLister } from "../containers/summary.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { summariseImage } from "../images/summary.ts";
import { timeText } from "../time.ts";
import { encodeVolume } from "../volumes/volume.ts";

const objectTypes = new Set(["container", "image", "volume", "build-cache"]);

/** `GET /system/df`; `type` narrows it, as from API 1.42 on. */
export async function answerDiskUsage(exchange: Exchange): Promise<void> {
  const types = exchange.query.all("type");
  const unknown = types.find((type) => !objectTypes.has(type));
  if (unknown !== undefined) throw invalid(`unknown object type: ${unknown.slice(0, 40)}`);
  const isWanted = (type: string): boolean => types.length === 0 || types.includes(type);
  const kinds = (["image", "container", "volume"] as const).filter(isWanted);
  const usage = await exchange.engine.system.diskUsage(exchange.signal, new Set(kinds));
  const lister = new ContainerLister(exchange.engine, exchange.apiVersion);
  const { layers, blobs, disks, ingests, reclaimable } = usage.storage;
  const storage: ImageStorage = {
    ...{ Layers: layers, Blobs: blobs, Disks: disks, Ingests: ingests },
    Reclaimable: reclaimable,
  };
  const cache = isWanted("build-cache") ? await exchange.engine.build.cache() : null;
  const answer: DiskUsageAnswer = {
    LayersSize: layers + blobs + disks + ingests,
    Images: isWanted("image")
      ? usage.images.map((entry) => describeImage(entry, exchange.apiVersion))
      : null,
    Containers: isWanted("container")
      ? usage.containers.map(({ record, writable, root }) =>
          lister.summarise(record, { writable, root }),
        )
      : null,
    Volumes: isWanted("volume")
      ? usage.volumes.map(({ volume, size, users }) => ({
          ...encodeVolume(volume),
          UsageData: { Size: size, RefCount: users },
        }))
      : null,
    BuildCache: cache?.map((record) => encodeCache(record, exchange.apiVersion)) ?? null,
    ...(isWanted("image") ? { ImageStorage: storage } : {}),
  };
  exchange.answer(200, answer);
}

function describeImage(entry: DiskUsage["images"][number], version: number): ImageSummary {
  const { size, shared } = entry.onDisk;
  const summary = summariseImage(entry, version);
  return {
    ...summary,
    ...("VirtualSize" in summary ? { VirtualSize: size } : {}),
    Containers: entry.containers,
    Size: size,
    SharedSize: shared,
  };
}

function encodeCache(record: BuildCacheRecord, version: number): BuildCacheBody {
  const { parents } = record;
  const isNew = version >= 1042;
  return {
    ID: record.id,
    ...(isNew || parents[0] === undefined ? {} : { Parent: parents[0] }),
    ...(isNew && parents.length > 0 ? { Parents: [...parents] } : {}),
    Type: record.kind,
    Description: record.description,
    InUse: record.inUse,
    Shared: record.shared,
    Size: record.size,
    CreatedAt: timeText(record.createdAt),
    LastUsedAt: timeText(record.usedAt),
    UsageCount: record.useCount,
  };
}

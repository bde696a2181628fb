import type { DiskUsageAnswer } from "../../../spec/docker/system.ts";
import { ContainerLister } from "../containers/summary.ts";
import type { Exchange } from "../exchange.ts";
import { summariseImage } from "../images/summary.ts";
import { encodeVolume } from "../volumes/volume.ts";

/** `GET /system/df`; `type` narrows it, as from API 1.42 on. */
export async function answerDiskUsage(exchange: Exchange): Promise<void> {
  const usage = await exchange.engine.system.diskUsage(exchange.signal);
  const types = exchange.query.all("type");
  const isWanted = (type: string): boolean => types.length === 0 || types.includes(type);
  const lister = new ContainerLister(exchange.engine);
  const answer: DiskUsageAnswer = {
    LayersSize: isWanted("image") ? usage.layers : 0,
    Images: isWanted("image")
      ? usage.images.map((entry) => ({
          ...summariseImage(entry, exchange.apiVersion),
          Containers: entry.containers,
          SharedSize: entry.shared,
        }))
      : [],
    Containers: isWanted("container")
      ? usage.containers.map(({ record, writable, root }) =>
          lister.summarise(record, { writable, root }),
        )
      : [],
    Volumes: isWanted("volume")
      ? usage.volumes.map(({ volume, size, users }) => ({
          ...encodeVolume(volume),
          UsageData: { Size: size, RefCount: users },
        }))
      : [],
    BuildCache: [],
    BuilderSize: 0,
  };
  exchange.answer(200, answer);
}

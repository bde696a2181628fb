import type { VolumeRecord } from "../../../domain/mount.ts";
import { volumeCreateBody } from "../../../spec/docker/bodies.ts";
import type { VolumeListAnswer, VolumesPruneAnswer } from "../../../spec/docker/volume.ts";
import type { Exchange } from "../exchange.ts";
import { isDuetError, prefixed } from "../../../kit/errors.ts";
import { invalid } from "../failures.ts";
import type { Filters } from "../filters.ts";
import { keepByAgeAndLabels } from "../prune-filters.ts";
import type { Route } from "../router.ts";
import { noManager } from "../system/swarm.ts";
import { encodeVolume } from "./volume.ts";

export const volumeRoutes: readonly Route[] = [
  { method: "GET", path: "/volumes", handle: listVolumes },
  { method: "POST", path: "/volumes/create", handle: createVolume },
  { method: "POST", path: "/volumes/prune", handle: pruneVolumes },
  { method: "GET", path: "/volumes/{name}", handle: inspectVolume },
  { method: "DELETE", path: "/volumes/{name}", handle: removeVolume },
];

async function listVolumes(exchange: Exchange): Promise<void> {
  const filters = filtersOf(exchange);
  const { volumes } = exchange.engine;
  const answer: VolumeListAnswer = {
    Volumes: volumes
      .list()
      .filter((volume) => matches(exchange, filters, volume))
      .map(encodeVolume),
    Warnings: null,
  };
  exchange.answer(200, answer);
}

function filtersOf({ query }: Exchange): Filters {
  try {
    return query.filters();
  } catch (error) {
    const isUnread = isDuetError(error, "invalid") && error.message === "invalid filter";
    throw isUnread ? prefixed("error reading volume filters", error) : error;
  }
}

function matches(exchange: Exchange, filters: Filters, volume: VolumeRecord): boolean {
  const dangling = filters.flag("dangling");
  return (
    filters.pattern("name", volume.name) &&
    filters.exact("driver", volume.driver || "local") &&
    filters.labels("label", volume.labels) &&
    (dangling === null || (exchange.engine.volumes.users(volume).length === 0) === dangling)
  );
}

async function createVolume(exchange: Exchange): Promise<void> {
  const body = await exchange.read(volumeCreateBody);
  if (body.ClusterVolumeSpec !== undefined) throw noManager();
  const volume = await exchange.engine.volumes.create(
    body.Name ?? "",
    {
      driver: body.Driver || "local",
      options: body.DriverOpts ?? {},
      labels: body.Labels ?? {},
    },
    exchange.signal,
  );
  exchange.answer(201, encodeVolume(volume));
}

async function inspectVolume(exchange: Exchange): Promise<void> {
  exchange.answer(200, encodeVolume(exchange.engine.volumes.get(exchange.parameter("name"))));
}

async function removeVolume(exchange: Exchange): Promise<void> {
  const name = exchange.parameter("name");
  await exchange.engine.volumes.remove(name, exchange.query.flag("force"), exchange.signal);
  exchange.empty(204);
}

/** From API 1.42 on only anonymous volumes go, unless `all` is asked for. */
/** Before 1.42 all volumes were meant, and nothing else could be asked for. */
function alwaysAll(filters: Filters): boolean {
  const others = filters.get("all").filter((value) => value !== "true");
  if (others.length === 0) return true;
  const shown = [...others, "true"].join(" ").slice(0, 80);
  throw invalid(`invalid filter 'all=[${shown}]': only one value is expected`);
}

async function pruneVolumes(exchange: Exchange): Promise<void> {
  const filters = exchange.query.filters();
  const keeps = keepByAgeAndLabels(filters);
  const isAll = exchange.apiVersion < 1042 ? alwaysAll(filters) : filters.flag("all") === true;
  const { deleted, reclaimed } = await exchange.engine.volumes.prune(
    (volume) => keeps(volume.createdAt, volume.labels) || (!isAll && !volume.anonymous),
    exchange.signal,
  );
  const answer: VolumesPruneAnswer = {
    VolumesDeleted: [...deleted],
    SpaceReclaimed: reclaimed,
  };
  exchange.answer(200, answer);
}

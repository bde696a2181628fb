import type { ContainerRecord } from "../../../domain/container.ts";
import type { Engine } from "../../../engine/engine.ts";
import { invalid } from "../failures.ts";
import type { Filters } from "../filters.ts";
import { encodePortList } from "./endpoints.ts";
import { parsePorts } from "./spec/ports.ts";
import { isRunning, stateWord } from "./state.ts";

type Test = (record: ContainerRecord) => boolean;

const states = new Set([
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
]);

const healths = ["none", "starting", "healthy", "unhealthy"];

/** One test for all filters of `GET /containers/json` but before and since, after Docker's daemon/list.go. */
export function containerTest(engine: Engine, filters: Filters): Test {
  if (filters.isEmpty) return () => true;
  const tests: Test[] = [
    (record) => filters.pattern("name", record.name) || filters.pattern("name", `/${record.name}`),
    (record) => filters.prefix("id", record.id),
    (record) => filters.labels("label", record.resolved.labels),
    (record) => filters.exact("status", stateWord(record)),
    (record) => filters.exact("health", record.health?.status ?? "none"),
    (record) => isolationNames(record).some((name) => filters.exact("isolation", name)),
    () => filters.flag("is-task") !== true,
  ];
  checkValues(filters);
  if (filters.has("exited")) tests.push(exitedTest(filters));
  if (filters.has("volume")) tests.push(volumeTest(filters.get("volume")));
  if (filters.has("network")) tests.push(networkTest(filters.get("network")));
  if (filters.has("ancestor")) tests.push(ancestorTest(engine, filters.get("ancestor")));
  if (filters.has("publish") || filters.has("expose")) tests.push(portTest(filters));
  return (record) => tests.every((test) => test(record));
}

/** Docker knows the isolation of a container on Linux as "default". */
function isolationNames(record: ContainerRecord): readonly string[] {
  return record.spec.isolation === "vm" ? ["vm"] : ["container", "default"];
}

function checkValues(filters: Filters): void {
  for (const state of filters.get("status")) {
    if (states.has(state)) continue;
    const shown = state.slice(0, 40);
    throw invalid(
      `invalid filter 'status=${shown}': invalid value for state (${shown}): must be one of ${[...states].join(", ")}`,
    );
  }
  for (const health of filters.get("health")) {
    if (healths.includes(health)) continue;
    const shown = health.slice(0, 40);
    throw invalid(
      `invalid filter 'health=${shown}': invalid value for health (${shown}): must be one of ${healths.join(", ")}`,
    );
  }
}

function exitedTest(filters: Filters): Test {
  const codes = new Set(
    filters.get("exited").map((text) => {
      if (!/^-?\d{1,6}$/.test(text)) throw invalid(`invalid filter 'exited=${text.slice(0, 40)}'`);
      return Number(text);
    }),
  );
  return (record) => !isRunning(record) && record.startedAt > 0 && codes.has(record.exitCode);
}

function volumeTest(wanted: readonly string[]): Test {
  return (record) =>
    record.mounts.some((mount) =>
      wanted.some((text) => [mount.target, mount.volume || mount.hostPath].includes(text)),
    );
}

function networkTest(wanted: readonly string[]): Test {
  return (record) =>
    record.endpoints.some((endpoint) =>
      wanted.some((text) => endpoint.networkName === text || endpoint.network.startsWith(text)),
    );
}

function ancestorTest(engine: Engine, wanted: readonly string[]): Test {
  const images = new Set(
    wanted.flatMap((reference) => {
      try {
        return [engine.images.get(reference).image.id];
      } catch {
        return [];
      }
    }),
  );
  return (record) => images.has(record.image);
}

function portTest(filters: Filters): Test {
  const parse = (text: string) => {
    if (text.includes(":"))
      throw invalid(`filter for ports should not contain ':': ${text.slice(0, 40)}`);
    return parsePorts(text);
  };
  const published = filters.get("publish").map(parse);
  const exposed = filters.get("expose").map(parse);
  type Range = ReturnType<typeof parsePorts>;
  const within = (range: Range, port: number | undefined, type: string): boolean =>
    port !== undefined && range.protocol === type && port >= range.first && port <= range.last;
  return (record) =>
    encodePortList(record).some(
      (port) =>
        published.some((range) => within(range, port.PublicPort, port.Type)) ||
        exposed.some((range) => within(range, port.PrivatePort, port.Type)),
    );
}

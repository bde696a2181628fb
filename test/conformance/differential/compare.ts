import { kindOf, type Json } from "./reading.ts";

/** One place at which two answers are not the same. */
export interface Difference {
  /** Such as `body.State.Status`. */
  readonly place: string;
  /** What stands there; undefined for nothing. */
  readonly docker: Json | undefined;
  readonly duet: Json | undefined;
}

/** Places whose value is of the host, of the moment or of the daemon: only its type is compared. */
const byTypeOnly: readonly RegExp[] = [
  /(^|\.)(Pid|PID|NFd|NGoroutines|NEventsListener|ID|time|timeNano|Created|CreatedAt|LastTagTime|Titles|preread|execDuration)$/,
  /\.(SizeRw|SizeRootFs|SizeRootFS|VirtualSize|SharedSize|LayersSize|SpaceReclaimed|Size)$/,
  /\.GraphDriver\.(Name|Data\.)/,
  /\.(ResolvConfPath|HostnamePath|HostsPath|LogPath|MountLabel|ProcessLabel|Mountpoint|SandboxKey)$/,
  /\.(SandboxID|EndpointID|NetworkID|MacAddress|IPAddress|Gateway|IPPrefixLen|HostPort)$/,
  /\.Processes\[\d+\]\[\d+\]$/,
  /\.bridge\.name$/,
  /\.(PublicPort)$/,
  /\.(cpu_stats|precpu_stats|memory_stats|pids_stats|networks|blkio_stats)\./,
];

/** Lists whose order is by chance. */
const unordered =
  /\.(Mounts|RepoTags|RepoDigests|VolumesDeleted|ContainersDeleted|NetworksDeleted|DNSNames|Networks|Volumes|Images|Ports|Containers)$/;

/** Every place at which an answer of Duet is not what Docker's is. */
export function compareAnswers(docker: Json, duet: Json): Difference[] {
  const all = compare(docker, duet);
  const hasFailed = (answer: Json): boolean => isRecord(answer) && Number(answer["status"]) >= 400;
  if (hasFailed(docker) === hasFailed(duet)) return all;
  // Where only one has failed, its message tells all.
  return all.filter(({ place }) => place === "status" || place === "body.message");
}

/** Every place at which `duet` is not what `docker` is. */
function compare(docker: Json, duet: Json, place = ""): Difference[] {
  if (byTypeOnly.some((rule) => rule.test(place))) {
    return kindOf(docker) === kindOf(duet) ? [] : [{ place, docker, duet }];
  }
  if (Array.isArray(docker) && Array.isArray(duet)) return compareLists(docker, duet, place);
  if (isRecord(docker) && isRecord(duet)) return compareRecords(docker, duet, place);
  if (docker === duet) return [];
  if (typeof docker === "string" && typeof duet === "string") {
    if (loosened(docker) === loosened(duet)) return [];
    const hasHint = loosened(duet).startsWith(`${loosened(docker)}\n`);
    if (hasHint) return [{ place: `${place}+hint`, docker, duet }];
  }
  return [{ place, docker, duet }];
}

function compareLists(docker: readonly Json[], duet: readonly Json[], place: string): Difference[] {
  const inOrder = (list: readonly Json[]): readonly Json[] =>
    unordered.test(place)
      ? list.toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1))
      : list;
  const layers = compareLayerLines(docker, duet, place);
  if (layers !== undefined) return layers;
  const [left, right] = [endsInOrder(docker), endsInOrder(duet)];
  const happened = actionsOf(left);
  if (happened !== undefined) {
    const others = actionsOf(right);
    const isSame = JSON.stringify(happened) === JSON.stringify(others);
    if (!isSame) return [{ place: `${place}.sequence`, docker: happened, duet: others ?? duet }];
  }
  if (docker.length !== duet.length) return [{ place, docker, duet }];
  const others = inOrder(right);
  return inOrder(left).flatMap((value, index) =>
    compare(value, others[index]!, `${place}[${index}]`),
  );
}

/** The classic builder's lines about the layers between are compared apart from the others. */
function compareLayerLines(
  docker: readonly Json[],
  duet: readonly Json[],
  place: string,
): Difference[] | undefined {
  const isLayerLine = (value: Json): boolean =>
    isRecord(value) && typeof value["stream"] === "string" && value["stream"].startsWith(" ---> ");
  const [left, right] = [docker, duet].map((list) => list.filter(isLayerLine));
  if (left!.length === right!.length) return undefined;
  const [one, other] = [docker, duet].map((list) => list.filter((value) => !isLayerLine(value)));
  return [
    { place: `${place}.layers`, docker: left!, duet: right! },
    ...compareLists(one!, other!, place),
  ];
}

/** What tells an element from its neighbours. */
function nameOf(value: Json): string {
  if (isRecord(value) && value["PrivatePort"] !== undefined) {
    return JSON.stringify([value["PrivatePort"], value["Type"], value["IP"]]);
  }
  const name = isRecord(value)
    ? (value["Name"] ?? value["Names"] ?? value["Destination"] ?? value["RepoTags"])
    : value;
  return loosened(JSON.stringify(name ?? value));
}

/** Docker tells a container's end from two places at once, so the order of those two events is by chance. */
function endsInOrder(list: readonly Json[]): readonly Json[] {
  const isEnd = (event: Json | undefined, action: string): boolean =>
    event !== undefined && isRecord(event) && event["Action"] === action;
  return prunedInOrder(list).map((event, index, list) => {
    if (isEnd(event, "stop") && isEnd(list[index + 1], "die")) return list[index + 1]!;
    if (isEnd(event, "die") && isEnd(list[index - 1], "stop")) return list[index - 1]!;
    return event;
  });
}

/** What happened, of a list of events: one line each. */
function actionsOf(list: readonly Json[]): readonly string[] | undefined {
  const lines = list.map(lineOf);
  if (lines.length === 0 || lines.includes(undefined)) return undefined;
  return lines as string[];
}

function lineOf(event: Json): string | undefined {
  if (!isRecord(event) || !isRecord(event["Actor"] ?? null)) return undefined;
  const { Attributes } = event["Actor"] as Fields;
  const { name } = (Attributes ?? {}) as Fields;
  return [event["Type"], event["Action"], name]
    .filter((word) => typeof word === "string")
    .map(loosened)
    .join(" ");
}

/** What is pruned goes in no order. */
function prunedInOrder(list: readonly Json[]): readonly Json[] {
  const sorted = [...list];
  const destroyed = (event: Json | undefined): string => {
    const line = event === undefined ? undefined : lineOf(event);
    return line !== undefined && / destroy\b/.test(line) ? line : "";
  };
  for (let end = 1; end < sorted.length; end += 1) {
    for (let at = end; at > 0; at -= 1) {
      const [before, here] = [destroyed(sorted[at - 1]), destroyed(sorted[at])];
      if (before === "" || here === "" || before <= here) break;
      [sorted[at - 1], sorted[at]] = [sorted[at]!, sorted[at - 1]!];
    }
  }
  return sorted;
}

type Fields = { readonly [key: string]: Json };

function compareRecords(docker: Fields, duet: Fields, place: string): Difference[] {
  const left = new Map(Object.entries(docker).map(([key, value]) => [loosened(key), value]));
  const right = new Map(Object.entries(duet).map(([key, value]) => [loosened(key), value]));
  const keys = new Set([...left.keys(), ...right.keys()]);
  return [...keys].flatMap((key): Difference[] => {
    const at = place === "" ? key : `${place}.${key}`;
    const one = left.get(key);
    const other = right.get(key);
    if (one !== undefined && other !== undefined) return compare(one, other, at);
    return [{ place: at, docker: one, duet: other }];
  });
}

function isRecord(value: Json): value is Fields {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function inOrderOfLetters(text: string): string {
  return text.split(/\b/).toSorted().join("");
}

/** A text without what chance and the host give it: ids, times, addresses, ports, the daemon's files. */
export function loosened(text: string): string {
  return (
    text
      .replaceAll(/<folder>[^\s":,]*/g, "<file>")
      .replaceAll(/(?!0001-)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "<time>")
      .replaceAll(/\b[0-9a-f]{64}\b/g, "<id>")
      .replaceAll(/\b[0-9a-f]{12}\b/g, "<short id>")
      .replaceAll(/\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b/g, "<mac>")
      .replaceAll(/\b\d+\.00, as there are only \d+ CPUs\b/g, "<processors>")
      .replaceAll(/(are not available - requested [\d-]+, available: )[\d,-]+/g, "$1<those>")
      .replaceAll(/Less than a second|About a minute|\b\d+ seconds?\b/g, "<while>")
      .replaceAll(/\bfd[0-9a-f]{2}:[0-9a-f]{1,4}:[0-9a-f]{1,4}::(1\b)?/g, "<private>::$1")
      // Go gives a map's keys in an order by chance.
      .replaceAll(/(network endpoints: \w+, \w+|\[\w+ \w+\]': only one)/g, inOrderOfLetters)
      .replaceAll(/\b172\.\d+\.\d+\.\d+\b/g, "<address>")
  );
}

import type { ContainerRecord } from "../../../domain/container.ts";
import type {
  ContainerConfig,
  ContainerCreateBody,
  ContainerInspect,
  NetworkSettings,
} from "../../../spec/docker/container.ts";
import type { ImageProcess } from "../../../domain/image.ts";
import type { ContainerPlaces, Engine } from "../../../engine/engine.ts";
import type { Exchange } from "../exchange.ts";
import { encodeHealthcheck } from "../images/config.ts";
import { timeText } from "../time.ts";
import { encodeEndpoints, encodePortMap } from "./endpoints.ts";
import { encodeHostConfig, isOnBridge } from "./inspect-host-config.ts";
import { encodeMounts } from "./mount-points.ts";
import { withOlderAliases } from "./older-aliases.ts";
import { encodeState } from "./state.ts";

/** `GET /containers/{id}/json`. */
export async function inspectContainer(exchange: Exchange): Promise<void> {
  const { engine } = exchange;
  const record = engine.containers.get(exchange.parameter("id"));
  const newest = encodeContainer(engine, record, await engine.containers.places(record.id));
  const answer = withOlderAliases(newest, exchange.apiVersion);
  if (!exchange.query.flag("size")) {
    exchange.answer(200, answer);
    return;
  }
  const size = await engine.containers.size(record.id, exchange.signal);
  exchange.answer(200, { ...answer, SizeRw: size.writable, SizeRootFs: size.root });
}

export function encodeContainer(
  engine: Engine,
  record: ContainerRecord,
  places: ContainerPlaces,
): ContainerInspect {
  const request = requestOf(record);
  const execs = engine.execs.of(record.id);
  return {
    Id: record.id,
    Created: timeText(record.createdAt),
    Path: record.resolved.path,
    Args: [...record.resolved.args],
    State: encodeState(record),
    Image: record.image,
    ResolvConfPath: places.resolver,
    HostnamePath: places.hostname,
    HostsPath: places.hosts,
    LogPath: places.log,
    Name: `/${record.name}`,
    RestartCount: record.restartCount,
    Driver: places.root.driver,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: places.profile,
    ExecIDs: execs.length > 0 ? [...execs] : null,
    HostConfig: {
      ...encodeHostConfig(record, request.HostConfig ?? {}),
      ...(places.links.length > 0 && isOnBridge(record) ? { Links: [...places.links] } : {}),
    },
    GraphDriver: { Name: places.root.driver, Data: places.root.data && { ...places.root.data } },
    Mounts: encodeMounts(record),
    Config: encodeConfig(engine, record, request),
    NetworkSettings: encodeNetworkSettings(record, places.networkNamespace),
  };
}

/** What create stored; it was checked and put into canonical form then. */
function requestOf(record: ContainerRecord): ContainerCreateBody {
  const { request } = record;
  return typeof request === "object" && request !== null ? request : {};
}

function encodeConfig(
  engine: Engine,
  record: ContainerRecord,
  request: ContainerCreateBody,
): ContainerConfig {
  const { resolved, spec } = record;
  const image = imageOf(engine, record);
  const stopSignal = request.StopSignal || (image?.stopSignal ?? "");
  const {
    HostConfig: _host,
    NetworkingConfig: _network,
    NetworkDisabled: disabled,
    ...own
  } = request;
  const volumes = [...Object.keys(request.Volumes ?? {}), ...(image?.volumes ?? [])];
  return {
    ...own,
    ...macOf(record, own),
    ...(disabled === true ? { NetworkDisabled: true } : {}),
    Hostname: spec.hostname || record.id.slice(0, 12),
    Domainname: spec.domainname,
    User: resolved.user,
    AttachStdin: spec.process.attach.stdin,
    AttachStdout: spec.process.attach.stdout,
    AttachStderr: spec.process.attach.stderr,
    ...(resolved.exposedPorts.length > 0
      ? { ExposedPorts: Object.fromEntries(resolved.exposedPorts.map((port) => [port, {}])) }
      : {}),
    Tty: spec.process.terminal,
    OpenStdin: spec.process.openStdin,
    StdinOnce: spec.process.stdinOnce,
    Env: shownEnvironment(resolved.env, request.Env ?? []),
    ...commandOf(image, record, request),
    ...(resolved.healthcheck === null
      ? {}
      : { Healthcheck: encodeHealthcheck(resolved.healthcheck) }),
    Image: spec.image,
    Volumes: volumes.length > 0 ? Object.fromEntries(volumes.map((path) => [path, {}])) : null,
    WorkingDir: request.WorkingDir || (image?.workingDirectory ?? ""),
    OnBuild: null,
    Labels: { ...resolved.labels },
    ...(stopSignal === "" ? {} : { StopSignal: stopSignal }),
  };
}

/** What was asked for, of the container or of its main connection. */
function macOf(
  { spec: { network } }: ContainerRecord,
  { MacAddress: own = "" }: ContainerConfig,
): { MacAddress?: string } {
  const main = network.endpoints[network.mode === "default" ? "bridge" : network.mode];
  const asked = own || (main?.mac ?? "");
  return asked === "" ? {} : { MacAddress: asked };
}

/** The user's own variables first, then what the image adds, as Docker shows them. */
function shownEnvironment(all: readonly string[], own: readonly string[]): string[] {
  const asked = new Set(own);
  return [...own, ...all.filter((entry) => !asked.has(entry))];
}

function imageOf(engine: Engine, record: ContainerRecord): ImageProcess | null {
  try {
    return engine.images.get(record.image).image.process;
  } catch {
    return null;
  }
}

/** Entrypoint and command apart, as the user or the image gave them. */
function commandOf(
  image: ImageProcess | null,
  record: ContainerRecord,
  request: ContainerCreateBody,
): Pick<ContainerConfig, "Cmd" | "Entrypoint"> {
  const asked = request.Entrypoint?.length ? request.Entrypoint : null;
  if (image === null && asked === null) {
    return { Entrypoint: null, Cmd: [record.resolved.path, ...record.resolved.args] };
  }
  const isReset = asked?.length === 1 && asked[0] === "";
  const entrypoint = isReset ? null : (asked ?? image?.entrypoint ?? null);
  const command = request.Cmd?.length
    ? request.Cmd
    : asked === null
      ? (image?.command ?? null)
      : null;
  return {
    Entrypoint: entrypoint === null ? null : [...entrypoint],
    Cmd: command === null ? null : [...command],
  };
}

/** The fields at the top repeat the default bridge's endpoint, as old clients read them. */
function encodeNetworkSettings(record: ContainerRecord, namespace: string): NetworkSettings {
  const first = record.endpoints.find((endpoint) => endpoint.networkName === "bridge");
  return {
    Bridge: "",
    SandboxID: record.pid === 0 ? "" : record.id,
    SandboxKey: namespace,
    Ports: encodePortMap(record),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: first === undefined || first.ipv4 === "" ? "" : first.id,
    Gateway: first?.ipv4Gateway ?? "",
    GlobalIPv6Address: first?.ipv6 ?? "",
    GlobalIPv6PrefixLen: first?.ipv6PrefixLength ?? 0,
    IPAddress: first?.ipv4 ?? "",
    IPPrefixLen: first?.ipv4PrefixLength ?? 0,
    IPv6Gateway: first?.ipv6Gateway ?? "",
    MacAddress: first?.mac ?? "",
    Networks: encodeEndpoints(record),
  };
}

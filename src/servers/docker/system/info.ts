import type { SystemInfo } from "../../../engine/engine.ts";
import type { InfoAnswer, RegistryService } from "../../../spec/docker/system.ts";
import { commit, infoAnswer, registryService } from "../../../spec/docker/versions.ts";
import type { Exchange } from "../exchange.ts";
import { inVersion } from "../in-version.ts";
import type { ServerVersion } from "../version.ts";

/** `GET /info`. */
export async function answerInfo(exchange: Exchange): Promise<void> {
  const info = await exchange.engine.system.info(exchange.signal);
  exchange.answer(200, encodeInfo(info, exchange.version, exchange.apiVersion));
}

export function encodeInfo(
  info: SystemInfo,
  version: ServerVersion,
  apiVersion: number,
): InfoAnswer {
  const answer: InfoAnswer = {
    ...describeHost(info),
    ...describeEngine(info, apiVersion),
    ID: info.id,
    Name: info.name,
    Containers: info.counts.containers,
    ContainersRunning: info.counts.running,
    ContainersPaused: info.counts.paused,
    ContainersStopped: info.counts.stopped,
    Images: info.counts.images,
    Debug: false,
    SystemTime: new Date().toISOString(),
    LoggingDriver: info.logDriver,
    NEventsListener: 0,
    NFd: info.openFiles,
    NGoroutines: 0,
    IndexServerAddress: "https://index.docker.io/v1/",
    RegistryConfig: inVersion(describeRegistries(info), registryService, apiVersion),
    GenericResources: null,
    DockerRootDir: info.dataRoot,
    HttpProxy: info.proxies.httpProxy,
    HttpsProxy: info.proxies.httpsProxy,
    NoProxy: info.proxies.noProxy,
    Labels: [],
    ExperimentalBuild: false,
    KernelMemory: false,
    KernelMemoryTCP: false,
    ServerVersion: version.version,
    ...describeRuntimes(info, version, apiVersion),
    Swarm: {
      NodeID: "",
      NodeAddr: "",
      LocalNodeState: "inactive",
      ControlAvailable: false,
      Error: "",
      RemoteManagers: null,
    },
    LiveRestoreEnabled: true,
    Isolation: "",
    InitBinary: "duet-shim",
    Warnings: info.warnings.length > 0 ? [...info.warnings] : null,
  };
  return inVersion(answer, infoAnswer, apiVersion);
}

/** What Duet has in place of Docker's parts. */
function describeEngine(info: SystemInfo, apiVersion: number) {
  return {
    Driver: "overlay2",
    DriverStatus: [
      ["Backing Filesystem", info.dataFileSystem],
      ["Supports d_type", "true"],
      ["Using metacopy", "false"],
      ["Native Overlay Diff", "true"],
      // Images have indexes and attestations, as with this store: clients then load such images.
      ["driver-type", "io.containerd.snapshotter.v1"],
      ["userxattr", "false"],
    ],
    Plugins: {
      Volume: ["local"],
      Network: ["bridge", "host", "null"],
      Authorization: null,
      Log: [...info.logDrivers],
    },
    SecurityOptions:
      apiVersion < 1025
        ? info.securityOptions.map((text) => text.replace(/^name=([^,]*).*$/, "$1"))
        : [...info.securityOptions],
    FirewallBackend: { Driver: "nftables" },
    CDISpecDirs: [],
  };
}

function describeHost(info: SystemInfo) {
  return {
    MemoryLimit: info.limits?.memory ?? true,
    SwapLimit: info.limits?.swap ?? true,
    CpuCfsPeriod: info.limits?.quota ?? true,
    CpuCfsQuota: info.limits?.quota ?? true,
    CPUShares: info.limits?.shares ?? true,
    CPUSet: info.limits?.cpuset ?? true,
    PidsLimit: info.limits?.pids ?? true,
    IPv4Forwarding: true,
    OomKillDisable: info.limits?.oomKillDisable ?? info.cgroupVersion === "1",
    // Duet filters bridged traffic itself; "false" makes old clients warn.
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    CgroupDriver: info.cgroupDriver,
    CgroupVersion: info.cgroupVersion,
    KernelVersion: info.kernel,
    OperatingSystem: info.operatingSystem,
    OSVersion: info.osVersion,
    OSType: "linux",
    Architecture: info.architecture,
    NCPU: info.cpus,
    MemTotal: info.memory,
  };
}

function describeRuntimes(info: SystemInfo, version: ServerVersion, apiVersion: number) {
  const containers = info.runtimes.find((runtime) => runtime.isolation === "container");
  // Old clients compare the two and tell where they differ.
  const build = (id: string) => inVersion({ ID: id, Expected: id }, commit, apiVersion);
  return {
    Runtimes: Object.fromEntries(info.runtimes.map(({ name }) => [name, { path: name }])),
    DefaultRuntime: containers?.name ?? "",
    ContainerdCommit: build("N/A"),
    RuncCommit: build(containers === undefined ? "N/A" : versionOf(containers)),
    InitCommit: build(version.version),
  };
}

/** `1.1.5` of a runtime that describes itself as `runc 1.1.5`. */
export function versionOf({ name, description }: SystemInfo["runtimes"][number]): string {
  return description.startsWith(`${name} `) ? description.slice(name.length + 1) : description;
}

function describeRegistries(info: SystemInfo): RegistryService {
  const isCidr = (text: string): boolean => /^[0-9a-f.:]+\/\d+$/i.test(text);
  const hub = {
    Name: "docker.io",
    Mirrors: [...info.mirrors],
    Secure: true,
    Official: true,
  };
  const insecure = info.insecureRegistries
    .filter((name) => !isCidr(name))
    .map((name) => [name, { Name: name, Mirrors: [], Secure: false, Official: false }] as const);
  return {
    AllowNondistributableArtifactsCIDRs: null,
    AllowNondistributableArtifactsHostnames: null,
    // As Docker, Duet speaks to registries of its own host without TLS.
    InsecureRegistryCIDRs: [
      ...new Set(["::1/128", "127.0.0.0/8", ...info.insecureRegistries.filter(isCidr)]),
    ],
    IndexConfigs: Object.fromEntries([["docker.io", hub], ...insecure]),
    Mirrors: info.mirrors.length > 0 ? [...info.mirrors] : null,
  };
}

import { defaultMaskedPaths, defaultReadonlyPaths } from "../../domain/system-paths.ts";
import type { UserLookup } from "../../domain/rootfs.ts";
import type { WorkloadSpec } from "../../domain/runtime.ts";
import type { ProcessSpec } from "../../domain/process.ts";
import { DuetError } from "../../kit/errors.ts";
import { processCapabilities } from "./capabilities.ts";
import { initPath, ociMounts, rootPropagation, type FileSources } from "./default-mounts.ts";
import type { DeviceAccess } from "./devices.ts";
import type { OciConfig, OciLinux, OciProcess, OciSeccomp } from "./oci-spec.ts";
import type { HostAbilities } from "./abilities.ts";
import { ociResources, resolveLimits } from "./resources.ts";
import { resolveUlimits } from "./ulimits.ts";

/** What the configuration is made of besides the specification: facts that were looked up. */
export interface ConfigFacts {
  readonly rootPath: string;
  readonly user: UserLookup;
  readonly bounding: readonly string[];
  readonly seccomp: OciSeccomp | undefined;
  readonly devices: DeviceAccess;
  readonly files: FileSources;
  readonly initBinary: string;
  /** Whether a mount can be made read-only with all that is mounted below it. */
  readonly deepReadonly: boolean;
  readonly cgroupsPath: string;
  /** Process whose network namespace it is. */
  readonly shimPid: number;
  readonly host: Pick<HostAbilities, "version" | "ceilings" | "lowestOomScore">;
}

/** The config.json of a container. Pure: equal input, equal output. */
export function ociConfig(spec: WorkloadSpec, facts: ConfigFacts): OciConfig {
  const process = ociProcess(spec, spec.process, facts);
  const ownName = spec.security.utsMode !== "host";
  return {
    ociVersion: "1.0.2",
    process: {
      ...process,
      args: spec.init ? [initPath, "--", ...process.args] : process.args,
      oomScoreAdj: Math.max(spec.resources.oomScoreAdjust, facts.host.lowestOomScore),
    },
    root: { path: facts.rootPath, readonly: spec.readonlyRoot },
    ...(ownName && spec.hostname !== "" ? { hostname: spec.hostname } : {}),
    mounts: ociMounts(spec, facts.files, facts.initBinary, facts.deepReadonly),
    annotations: {},
    linux: ociLinux(spec, facts),
  };
}

/** A process of a container: the main one, or an exec's, whose rules are the container's. */
export function ociProcess(
  spec: WorkloadSpec,
  process: ProcessSpec,
  facts: Pick<ConfigFacts, "user" | "bounding" | "host">,
): OciProcess {
  const { user, bounding } = facts;
  // An exec that is privileged in a container that is not.
  const isFree = process.privileged && !spec.security.privileged;
  const apparmor = isFree ? "unconfined" : spec.security.apparmor;
  const size = process.terminal;
  return {
    terminal: size !== null,
    ...(size !== null && size.rows > 0
      ? { consoleSize: { height: size.rows, width: size.columns } }
      : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.groups },
    args: process.argv,
    env: processEnvironment(process, user),
    cwd: process.workingDirectory === "" ? "/" : process.workingDirectory,
    capabilities: processCapabilities(bounding, user.uid),
    rlimits: resolveUlimits(spec.resources, facts.host.ceilings),
    noNewPrivileges: spec.security.noNewPrivileges,
    ...(apparmor === "" || apparmor === "unconfined" ? {} : { apparmorProfile: apparmor }),
  };
}

/** Its variables, with the user's HOME from the image unless there is one. */
export function processEnvironment(
  process: Pick<ProcessSpec, "env">,
  user: Pick<UserLookup, "home">,
): readonly string[] {
  if (process.env.some((entry) => entry.startsWith("HOME="))) return process.env;
  return [...process.env, `HOME=${user.home === "" ? "/" : user.home}`];
}

function ociLinux(spec: WorkloadSpec, facts: ConfigFacts): OciLinux {
  const { security } = spec;
  const propagation = rootPropagation(spec.mounts);
  return {
    cgroupsPath: facts.cgroupsPath,
    namespaces: namespaces(spec, facts),
    devices: facts.devices.devices,
    resources: ociResources(resolveLimits(spec.resources), facts.devices, facts.host.version),
    maskedPaths: security.privileged ? [] : (security.maskedPaths ?? defaultMaskedPaths),
    readonlyPaths: security.privileged ? [] : (security.readonlyPaths ?? defaultReadonlyPaths),
    sysctl: sysctls(spec),
    ...(facts.seccomp === undefined || security.privileged ? {} : { seccomp: facts.seccomp }),
    ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
  };
}

function namespaces(spec: WorkloadSpec, facts: ConfigFacts): OciLinux["namespaces"] {
  const { security, network } = spec;
  const list: { type: string; path?: string }[] = [{ type: "mount" }];
  if (network.kind === "join") list.push({ type: "network", path: `/proc/${network.pid}/ns/net` });
  if (network.kind === "own" || network.kind === "none") {
    list.push({ type: "network", path: `/proc/${facts.shimPid}/ns/net` });
  }
  if (security.utsMode !== "host") list.push({ type: "uts" });
  if (security.pidMode !== "host") list.push(joined("pid", security.pidMode));
  if (security.ipcMode !== "host") list.push(joined("ipc", security.ipcMode));
  const cgroupPrivate =
    security.cgroupnsMode === "private" ||
    (security.cgroupnsMode === "" && facts.host.version === 2);
  if (cgroupPrivate) list.push({ type: "cgroup" });
  return list;
}

/** `container:PID`, as the engine resolves it; anything else is a namespace of its own. */
function joined(type: "pid" | "ipc", mode: string): { type: string; path?: string } {
  if (!mode.startsWith("container:")) return { type };
  const pid = Number(mode.slice("container:".length));
  if (Number.isSafeInteger(pid) && pid > 0) return { type, path: `/proc/${pid}/ns/${type}` };
  throw new DuetError(
    "unsupported",
    "NAMESPACE_UNSUPPORTED",
    `joining another container's ${type} namespace`,
    {
      hint: `leave out --${type}`,
    },
  );
}

function sysctls(spec: WorkloadSpec): Readonly<Record<string, string>> {
  const ownNetwork = spec.network.kind === "own" || spec.network.kind === "none";
  return {
    ...(spec.domainname !== "" && spec.security.utsMode !== "host"
      ? { "kernel.domainname": spec.domainname }
      : {}),
    ...(ownNetwork
      ? { "net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647" }
      : {}),
    ...spec.security.sysctls,
  };
}

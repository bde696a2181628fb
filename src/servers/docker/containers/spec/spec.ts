import type { ContainerSpec } from "../../../../domain/container.ts";
import type { Isolation } from "../../../../domain/identity.ts";
import type { ContainerCreateBody, HostConfig } from "../../../../spec/docker/container.ts";
import { parseByteSize } from "../../../../kit/byte-size.ts";
import { invalid, unsupported } from "../../failures.ts";
import { isolationOf } from "./isolation.ts";
import { lifecycleOf } from "./lifecycle.ts";
import { mountsOf } from "./mounts.ts";
import { networkOf } from "./network.ts";
import { resourcesOf } from "./resources.ts";
import { securityOf } from "./security.ts";

const sectorBytes = 512;

/**
 * What a create request asks for, in Duet's nouns. Throws `invalid` for what makes no sense, and
 * `unsupported` for what Duet has no means for and which must not be dropped silently.
 */
export function containerSpecOf(
  body: ContainerCreateBody,
  defaultIsolation: Isolation = "container",
): {
  readonly spec: ContainerSpec;
  readonly warnings: readonly string[];
} {
  const host = body.HostConfig ?? {};
  checkConfig(body);
  checkConflicts(body, host);
  const [rows = 0, columns = 0] = host.ConsoleSize ?? [];
  const isolation = isolationOf(host.Isolation ?? "", host.Runtime ?? "", defaultIsolation);
  const diskSize = diskSizeOf(host.StorageOpt ?? {}, isolation);
  const spec: ContainerSpec = {
    image: body.Image!,
    isolation,
    process: {
      entrypoint: body.Entrypoint ?? null,
      command: body.Cmd ?? null,
      shell: body.Shell?.length ? body.Shell : null,
      env: (body.Env ?? []).map(checkVariable),
      user: body.User ?? "",
      workingDirectory: body.WorkingDir ?? "",
      terminal: body.Tty ?? false,
      terminalSize: { rows: boundSize(rows), columns: boundSize(columns) },
      openStdin: body.OpenStdin ?? false,
      stdinOnce: body.StdinOnce ?? false,
      attach: {
        stdin: body.AttachStdin ?? false,
        stdout: body.AttachStdout ?? false,
        stderr: body.AttachStderr ?? false,
      },
    },
    hostname: checkHostname(body.Hostname ?? ""),
    domainname: checkHostname(body.Domainname ?? ""),
    labels: body.Labels ?? {},
    annotations: checkAnnotations(host.Annotations ?? {}),
    resources: resourcesOf(host),
    security: securityOf(host),
    readonlyRoot: host.ReadonlyRootfs ?? false,
    ...(diskSize === null ? {} : { diskSize }),
    mounts: mountsOf(body, host),
    volumesFrom: host.VolumesFrom ?? [],
    network: networkOf(body, host, body.NetworkingConfig ?? {}),
    logging: { driver: host.LogConfig?.Type ?? "", options: host.LogConfig?.Config ?? {} },
    lifecycle: lifecycleOf(body, host),
  };
  return { spec, warnings: warningsOf(host) };
}

function checkConfig(body: ContainerCreateBody): void {
  const { HostConfig: _host, NetworkingConfig: _network, ...config } = body;
  if (Object.keys(config).length === 0) {
    throw invalid("config cannot be empty in order to create a container");
  }
  if ((body.Image ?? "") !== "") return;
  const hasCommand = (body.Cmd?.length ?? 0) + (body.Entrypoint?.length ?? 0) > 0;
  throw invalid(hasCommand ? "no image specified" : "no command specified");
}

const leastKernelMemory = 6 << 20;

/** What Docker warns of whatever the host (moby, daemon/container.go). */
function warningsOf(host: HostConfig): string[] {
  const warnings: string[] = [];
  if ((host.KernelMemory ?? 0) > 0 || (host.KernelMemoryTCP ?? 0) > 0) {
    warnings.push("KernelMemory is ignored: kernels no longer have this limit.");
  }
  if ((host.CpuPercent ?? 0) > 0) {
    warnings.push("linux does not support CPU percent. Percent discarded.");
  }
  if (host.NetworkMode === "host" && Object.keys(host.PortBindings ?? {}).length > 0) {
    warnings.push("Published ports are discarded when using host network mode");
  }
  return warnings;
}

/** Options of which each says what the other denies, in Docker's words (runconfig/hostconfig_unix.go). */
function checkConflicts(body: ContainerCreateBody, host: HostConfig): void {
  const refuse = (what: string): never => {
    throw invalid(`conflicting options: ${what}`);
  };
  const mode = host.NetworkMode ?? "";
  const hasLinks = (host.Links?.length ?? 0) > 0;
  if (host.UTSMode === "host" && (body.Hostname ?? "") !== "") refuse("hostname and the UTS mode");
  if (mode === "host" && hasLinks) {
    refuse(
      "host type networking can't be used with links. This would result in undefined behavior",
    );
  }
  const kernelMemory = host.KernelMemory ?? 0;
  if (kernelMemory > 0 && kernelMemory < leastKernelMemory) {
    throw invalid("Minimum kernel memory limit allowed is 6MB");
  }
  if ((host.IOMaximumBandwidth ?? 0) > 0) refuseQuality("bandwidth");
  if ((host.IOMaximumIOps ?? 0) > 0) refuseQuality("IOPs");
  if (mode === "container" || mode === "container:") {
    throw invalid("invalid network mode: invalid container format container:<name|id>");
  }
  if (!mode.startsWith("container:")) return;
  if ((body.Hostname ?? "") !== "") refuse("hostname and the network mode");
  if (hasLinks) {
    refuse(
      "container type network can't be used with links. This would result in undefined behavior",
    );
  }
  if ((host.Dns?.length ?? 0) > 0) refuse("dns and the network mode");
  if ((host.ExtraHosts?.length ?? 0) > 0) refuse("custom host-to-IP mapping and the network mode");
  if (Object.keys(host.PortBindings ?? {}).length > 0 || host.PublishAllPorts === true) {
    refuse("port publishing and the container type network mode");
  }
  if (Object.keys(body.ExposedPorts ?? {}).length > 0) {
    refuse("port exposing and the container type network mode");
  }
}

function refuseQuality(what: string): never {
  throw invalid(`invalid option: QoS maximum ${what} configuration is not supported on linux`);
}

function checkAnnotations(annotations: Readonly<Record<string, string>>): typeof annotations {
  if (!Object.hasOwn(annotations, "")) return annotations;
  throw invalid("invalid Annotations: the empty string is not permitted as an annotation key");
}

/**
 * The size that a machine's disk is to have. For a container Docker's answer where the data root is not XFS
 * with project quotas.
 */
function diskSizeOf(
  options: Readonly<Record<string, string>>,
  isolation: Isolation,
): number | null {
  const names = Object.keys(options);
  const other = names.find((name) => name.toLowerCase() !== "size");
  if (other !== undefined) {
    throw unsupported(`Unknown option ${other.slice(0, 80)}`, undefined, 500);
  }
  const [text] = Object.values(options);
  if (text === undefined) return null;
  if (isolation !== "vm") {
    throw unsupported(
      "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
      undefined,
      500,
    );
  }
  const size = parseByteSize(text);
  if (size === undefined || size < 1) {
    throw invalid(`invalid size: '${text.slice(0, 80)}'`);
  }
  return Math.ceil(size / sectorBytes) * sectorBytes;
}

export function boundSize(size: number): number {
  return size > 0 && size <= 65_535 ? size : 0;
}

function checkVariable(text: string): string {
  if (text !== "" && !text.startsWith("=")) return text;
  throw invalid(`invalid environment variable: ${text.slice(0, 80)}`);
}

/** It is written into files of the container and into the DNS server's answers. */
function checkHostname(text: string): string {
  if (
    text === "" ||
    (text.length <= 253 && /^[a-zA-Z0-9]([a-zA-Z0-9_.-]*[a-zA-Z0-9])?$/.test(text))
  ) {
    return text;
  }
  throw invalid(`invalid hostname format: ${text.slice(0, 80)}`);
}

import type { ContainerSpec } from "../../../../domain/container.ts";
import type { Isolation } from "../../../../domain/identity.ts";
import type { ContainerCreateBody } from "../../../../spec/docker/container.ts";
import { invalid, unsupported } from "../../failures.ts";
import { isolationOf } from "./isolation.ts";
import { lifecycleOf } from "./lifecycle.ts";
import { mountsOf } from "./mounts.ts";
import { networkOf } from "./network.ts";
import { resourcesOf } from "./resources.ts";
import { securityOf } from "./security.ts";

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
  if ((body.Image ?? "") === "") throw invalid("no image specified");
  if (Object.keys(host.StorageOpt ?? {}).length > 0) {
    throw unsupported(
      "--storage-opt is not supported",
      "limit volumes by their file system instead",
    );
  }
  const [rows = 0, columns = 0] = host.ConsoleSize ?? [];
  const warnings =
    (host.KernelMemory ?? 0) > 0
      ? ["KernelMemory is ignored: kernels no longer have this limit."]
      : [];
  const spec: ContainerSpec = {
    image: body.Image!,
    isolation: isolationOf(host.Isolation ?? "", host.Runtime ?? "", defaultIsolation),
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
    annotations: host.Annotations ?? {},
    resources: resourcesOf(host),
    security: securityOf(host),
    readonlyRoot: host.ReadonlyRootfs ?? false,
    mounts: mountsOf(body, host),
    volumesFrom: host.VolumesFrom ?? [],
    network: networkOf(body, host, body.NetworkingConfig ?? {}),
    logging: { driver: host.LogConfig?.Type || "json-file", options: host.LogConfig?.Config ?? {} },
    lifecycle: lifecycleOf(body, host),
  };
  return { spec, warnings };
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

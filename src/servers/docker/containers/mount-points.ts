import type { ContainerRecord } from "../../../domain/container.ts";
import type { MountRecord } from "../../../domain/mount.ts";
import type { ContainerCreateBody, MountPoint } from "../../../spec/docker/container.ts";

/** Mounts as inspect and lists show them; Docker leaves the `--tmpfs` ones to HostConfig. */
export function encodeMounts(record: ContainerRecord): MountPoint[] {
  const { HostConfig: host } = (record.request ?? {}) as ContainerCreateBody;
  const inHostConfig = (target: string): boolean => Object.hasOwn(host?.Tmpfs ?? {}, target);
  const shown = record.mounts.filter(
    ({ spec, target }) => spec.kind !== "tmpfs" || !inHostConfig(target),
  );
  return shown.map((mount) => ({
    Type: mount.spec.kind,
    ...nameOf(mount),
    Source: mount.hostPath,
    Destination: mount.target,
    ...(mount.volume === "" ? {} : { Driver: mount.spec.volumeDriver || "local" }),
    Mode: mount.mode ?? mount.spec.mode ?? "",
    RW: !mount.readonly,
    Propagation: propagationOf(mount),
  }));
}

function nameOf({ volume, spec }: MountRecord): { readonly Name?: string } {
  const name = spec.kind === "image" ? spec.source : volume;
  return name === "" ? {} : { Name: name };
}

function propagationOf({ spec }: MountRecord): string {
  return spec.kind === "bind" || spec.kind === "image" ? spec.propagation || "rprivate" : "";
}

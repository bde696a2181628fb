import type { ContainerRecord } from "../../../domain/container.ts";
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
    ...(mount.volume === "" ? {} : { Name: mount.volume }),
    Source: mount.hostPath,
    Destination: mount.target,
    ...(mount.volume === "" ? {} : { Driver: mount.spec.volumeDriver || "local" }),
    Mode: mount.mode ?? mount.spec.mode ?? "",
    RW: !mount.readonly,
    Propagation: mount.spec.kind === "bind" ? mount.spec.propagation || "rprivate" : "",
  }));
}

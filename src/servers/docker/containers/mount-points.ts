import type { MountRecord } from "../../../domain/mount.ts";
import type { MountPoint } from "../../../spec/docker/container.ts";

/** Mounts as inspect and lists show them; Docker leaves the `--tmpfs` ones to HostConfig. */
export function encodeMounts(mounts: readonly MountRecord[]): MountPoint[] {
  return mounts.map((mount) => ({
    Type: mount.spec.kind,
    ...(mount.volume === "" ? {} : { Name: mount.volume }),
    Source: mount.hostPath,
    Destination: mount.target,
    ...(mount.volume === "" ? {} : { Driver: mount.spec.volumeDriver || "local" }),
    Mode: "",
    RW: !mount.readonly,
    Propagation: mount.spec.kind === "bind" ? mount.spec.propagation || "rprivate" : "",
  }));
}

import type { VolumeRecord } from "../../../domain/mount.ts";
import type { VolumeBody } from "../../../spec/docker/volume.ts";
import { timeText } from "../time.ts";

/** The label by which Docker marks volumes that nobody named. */
const anonymousLabel = "com.docker.volume.anonymous";

export function encodeVolume(volume: VolumeRecord): VolumeBody {
  const labels = volume.anonymous ? { ...volume.labels, [anonymousLabel]: "" } : volume.labels;
  const orNull = (map: Readonly<Record<string, string>>) =>
    Object.keys(map).length > 0 ? { ...map } : null;
  return {
    CreatedAt: timeText(volume.createdAt).replace(/\.\d+(?=Z$)/, ""),
    Driver: volume.driver || "local",
    Labels: orNull(labels),
    Mountpoint: volume.mountpoint,
    Name: volume.name,
    Options: orNull(volume.options),
    Scope: "local",
  };
}

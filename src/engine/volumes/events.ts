import type { ContainerRecord } from "../../domain/container.ts";
import type { EngineContext } from "../context.ts";

/** One event for each volume that a run begins or ends to use, with Docker's attributes. */
export function publishMountEvents(
  context: EngineContext,
  record: ContainerRecord,
  action: "mount" | "unmount",
): void {
  for (const { volume, target, readonly, spec } of record.mounts) {
    if (volume === "") continue;
    const driver = spec.volumeDriver || "local";
    const use = {
      destination: target,
      "read/write": String(!readonly),
      propagation: spec.propagation,
    };
    context.events.publish({
      type: "volume",
      action,
      id: volume,
      attributes: { container: record.id, driver, ...(action === "mount" ? use : {}) },
    });
  }
}

import type { ContainerRecord } from "../../domain/container.ts";
import type { RootKind, Snapshotter } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";

/** What a container's root is. By its record, not by its runtime: a host that lost that can still remove it. */
export function rootKindOf(record: Pick<ContainerRecord, "spec" | "bootsDisk">): RootKind {
  if (record.bootsDisk === true) return "machine";
  return record.spec.isolation === "vm" ? "block" : "directory";
}

/** Who has a container's root. */
export function snapshotterOf(
  context: EngineContext,
  record: Pick<ContainerRecord, "spec" | "bootsDisk">,
): Snapshotter {
  return context.snapshotters[rootKindOf(record)];
}

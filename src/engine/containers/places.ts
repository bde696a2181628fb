import type { ContainerRecord } from "../../domain/container.ts";
import type { SecuritySpec } from "../../domain/limits.ts";
import type { Snapshotter } from "../../domain/snapshot.ts";
import type { EngineContext } from "../context.ts";
import type { ContainerPlaces } from "../engine.ts";
import { logPathOf } from "./log-settings.ts";
import { snapshotterOf } from "./root-kind.ts";
import { shownLinks } from "./links.ts";
import { stateDirectoryOf } from "./workload-spec.ts";

/** Where a container's things lie on the host, for those who look at them from outside. */
export async function containerPlaces(
  context: EngineContext,
  record: ContainerRecord,
): Promise<ContainerPlaces> {
  const { spec } = record;
  const runtime = context.runtimes.get(spec.isolation);
  const stateDirectory = stateDirectoryOf(context, record.id);
  const hasRun = record.startedAt > 0;
  const file = (path: string): string =>
    hasRun ? (runtime?.filePath?.(stateDirectory, path) ?? "") : "";
  const isJson = spec.logging.driver === "" || spec.logging.driver === "json-file";
  const isContainer = spec.isolation === "container";
  return {
    log: (hasRun && isJson ? logPathOf(spec.logging, stateDirectory) : null) ?? "",
    hosts: file("/etc/hosts"),
    hostname: file("/etc/hostname"),
    resolver: file("/etc/resolv.conf"),
    networkNamespace: record.pid > 0 && isContainer ? `/proc/${record.pid}/ns/net` : "",
    profile: hasRun ? profileOf(spec.security, runtime?.profile) : spec.security.apparmor,
    links: shownLinks(context, record),
    root: await rootOf(snapshotterOf(context, record), record),
  };
}

function profileOf({ apparmor, privileged }: SecuritySpec, usual: string | undefined): string {
  if (usual === undefined || apparmor !== "") return apparmor;
  return privileged ? "unconfined" : usual;
}

/** Docker's GraphDriver: the folders of an overlay, or the disk of a virtual machine. */
async function rootOf(
  snapshotter: Snapshotter,
  record: ContainerRecord,
): Promise<ContainerPlaces["root"]> {
  const driver = record.spec.isolation === "container" ? "overlay2" : "qcow2";
  try {
    const root = await snapshotter.root(record.id);
    if (root.kind !== "directory") return { driver, data: { ID: record.id, Disk: root.disk.path } };
    const options = new Map(
      root.mounts.flatMap(({ options: texts }) => texts.map((text) => splitOption(text))),
    );
    return {
      driver,
      data: {
        ID: record.id,
        LowerDir: options.get("lowerdir") ?? "",
        MergedDir: record.pid > 0 ? `/proc/${record.pid}/root` : "",
        UpperDir: options.get("upperdir") ?? "",
        WorkDir: options.get("workdir") ?? "",
      },
    };
  } catch {
    // It is being removed.
    return { driver, data: null };
  }
}

function splitOption(text: string): readonly [name: string, value: string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

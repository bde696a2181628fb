import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createImageArchive } from "../drivers/archive/archive.ts";
import { createBootDisks } from "../drivers/boot-disk/boot-disk.ts";
import { createBuildFiles } from "../drivers/build-files/build-files.ts";
import { openContextStore } from "../drivers/build-files/context-store.ts";
import { openBuildSources } from "../drivers/build-sources/sources.ts";
import { openContentStore } from "../drivers/content/content.ts";
import { createBlockSnapshotter } from "../drivers/disks/disks.ts";
import { createForeignDisks } from "../drivers/foreign-disk/foreign-disk.ts";
import { createMachineDisks } from "../drivers/foreign-disk/machine-disks.ts";
import { createLogReader } from "../drivers/logs/json-file.ts";
import { createLogSinks } from "../drivers/log-sinks/log-sinks.ts";
import { createHostMounts } from "../drivers/mounts/host-mounts.ts";
import { createNetworkDriver } from "../drivers/network/driver.ts";
import { createRegistryClient } from "../drivers/registry/client.ts";
import { createRootfsAccess } from "../drivers/rootfs/access.ts";
import { createOciRuntime } from "../drivers/runtime-oci/runtime.ts";
import { requireKernel } from "../drivers/runtime-qemu/kernel.ts";
import { createQemuRuntime } from "../drivers/runtime-qemu/runtime.ts";
import { createShimLauncher } from "../drivers/shim/launcher.ts";
import { createOverlaySnapshotter, type OverlaySnapshotter } from "../drivers/snapshots/overlay.ts";
import { openStateStore } from "../drivers/store/store.ts";
import type { Isolation } from "../domain/identity.ts";
import type { Runtime } from "../domain/runtime.ts";
import type { EngineContext, EngineSettings } from "../engine/context.ts";
import { BuildWork } from "../engine/build/build-work.ts";
import { EventBus } from "../engine/events.ts";
import { CollectionGate } from "../engine/images/collection-gate.ts";
import { StoreClaims } from "../engine/images/store-claims.ts";
import { LogShipments } from "../engine/containers/log-shipments.ts";
import { ExecTable } from "../engine/containers/exec-table.ts";
import { HealthMonitors } from "../engine/health/monitors.ts";
import { LiveContainers } from "../engine/live.ts";
import { HeldVolumes } from "../engine/volumes/held-volumes.ts";
import { DuetError } from "../kit/errors.ts";
import { KeyedLock } from "../kit/keyed-lock.ts";
import type { Log } from "../kit/log.ts";
import { Turns } from "../kit/turns.ts";
import { readImagePolicy } from "./image-policy.ts";
import { withReserve } from "./store-reserve.ts";
import { instanceName, type DaemonConfig } from "./config.ts";

/** The one file that chooses which driver serves which port. */
export async function chooseDrivers(
  config: DaemonConfig,
  settings: EngineSettings,
  log: Log,
): Promise<EngineContext> {
  const native = nativeDirectory(config);
  const data = (name: string): string => join(config.dataRoot, name);
  const content = await openContentStore(data("content"), log.part("content"));
  const rootfsBinary = join(native, "duet-rootfs");
  const rootfs = createRootfsAccess({ binary: rootfsBinary, log: log.part("rootfs") });
  const snapshotters = await chooseSnapshotters(data, rootfsBinary, rootfs, log);
  const mounts = createHostMounts();
  return {
    settings,
    log: log.part("engine"),
    store: openStore(data, log),
    content,
    registry: registryClient(config, log),
    policy: readImagePolicy(config.imagePolicy),
    archive: createImageArchive({ content, log: log.part("archive") }),
    ...(await chooseDisks(config, native, snapshotters.directory, log)),
    rootfs,
    logs: createLogReader(),
    logSinks: createLogSinks(),
    shipments: new LogShipments(),
    network: await createNetworkDriver({
      instance: instanceName(config),
      statePath: data("network.json"),
      runDirectory: config.runDirectory,
      log: log.part("network"),
      ...(config.addressPools.length > 0 ? { addressPools: config.addressPools } : {}),
    }),
    mounts,
    held: new HeldVolumes(mounts),
    runtimes: await chooseRuntimes(config, native, rootfs, log),
    snapshotters,
    events: new EventBus(),
    live: new LiveContainers(),
    execs: new ExecTable(),
    health: new HealthMonitors(),
    starts: new Turns(leastStarts + 2 * availableParallelism()),
    collection: new CollectionGate(),
    storeClaims: new StoreClaims(),
    builds: new BuildWork(),
    ...(await buildDrivers(config, data("build"), rootfsBinary, log)),
    containerLocks: new KeyedLock(),
    objectLocks: new KeyedLock(),
  };
}

/** Roots of all kinds, made from the same layers. */
async function chooseSnapshotters(
  data: (name: string) => string,
  binary: string,
  rootfs: EngineContext["rootfs"],
  log: Log,
): Promise<EngineContext["snapshotters"] & { readonly directory: OverlaySnapshotter }> {
  const directory = await createOverlaySnapshotter({
    directory: data("snapshots"),
    binary,
    log: log.part("snapshots"),
  });
  const block = await createBlockSnapshotter({
    directory: data("disks"),
    binary,
    layers: directory,
    log: log.part("disks"),
  });
  const machine = await createMachineDisks({
    directory: data("machine-disks"),
    layers: directory,
    rootfs,
    log: log.part("machine-disks"),
  });
  return { directory, block, machine };
}

/** Disks that machines boot by themselves: those that go out, and those that come in. */
async function chooseDisks(
  config: DaemonConfig,
  native: string,
  layers: OverlaySnapshotter,
  log: Log,
): Promise<Pick<EngineContext, "bootDisks" | "foreignDisks">> {
  const bootDisks = await createBootDisks({
    directory: join(config.dataRoot, "boot-disks"),
    tools: { rootfs: join(native, "duet-rootfs"), init: join(native, "duet-boot") },
    layers,
    kernel: requireKernel,
    log: log.part("boot-disks"),
  });
  const foreignDisks = await createForeignDisks({
    directory: join(config.dataRoot, "foreign-disks"),
    log: log.part("foreign-disks"),
  });
  return { bootDisks, foreignDisks };
}

function openStore(data: (name: string) => string, log: Log): EngineContext["store"] {
  const store = openStateStore(data("duet.db"), log.part("store"), "salvage");
  return withReserve(store, data("reserve"));
}

/** What builds work through besides what containers do. */
async function buildDrivers(
  config: DaemonConfig,
  directory: string,
  binary: string,
  log: Log,
): Promise<Pick<EngineContext, "buildFiles" | "contexts" | "buildSources">> {
  const contexts = await openContextStore({
    directory: join(directory, "contexts"),
    binary,
    log: log.part("contexts"),
  });
  const rules = { allowed: config.buildAddresses, proxies: config.proxies };
  return {
    buildFiles: createBuildFiles({ binary }),
    contexts,
    buildSources: await openBuildSources({ directory, contexts, rules }),
  };
}

/** Where people have put them for Docker. */
const certificatesDirectory = "/etc/docker/certs.d";

/** The client of all registries, as configured. */
function registryClient(config: DaemonConfig, log: Log): EngineContext["registry"] {
  const { registryMirrors: mirrors, mirrorsOf, insecureRegistries, proxies } = config;
  return createRegistryClient({
    config: { mirrors, mirrorsOf, insecureRegistries, proxies, certificatesDirectory },
    log: log.part("registry"),
    memoryPath: join(config.dataRoot, "registry.json"),
  });
}

/** Containers that start at a time, besides two for each processor. */
const leastStarts = 8;

/** An isolation that this host cannot run is left out, with a warning; `create` then says so. */
async function chooseRuntimes(
  config: DaemonConfig,
  native: string,
  rootfs: EngineContext["rootfs"],
  log: Log,
): Promise<ReadonlyMap<Isolation, Runtime>> {
  const shims = createShimLauncher({ binary: join(native, "duet-shim") });
  const { cgroupParent } = config;
  const attempts: readonly [Isolation, () => Promise<Runtime>][] = [
    [
      "container",
      () =>
        createOciRuntime({
          shims,
          rootfs,
          cgroupParent,
          log: log.part("runtime-oci"),
          tools: { shim: join(native, "duet-shim") },
          ...(config.ociRuntime === "" ? {} : { runtimePath: config.ociRuntime }),
        }),
    ],
    [
      "vm",
      () =>
        createQemuRuntime({
          shims,
          rootfs,
          cgroupParent,
          log: log.part("runtime-qemu"),
          tools: {
            agent: join(native, "duet-agent"),
            opener: join(native, "duet-opener.so"),
            rootfs: join(native, "duet-rootfs"),
          },
          dataDirectory: join(config.dataRoot, "vm"),
          runDirectory: join(config.runDirectory, "vm"),
          poolSize: config.vmPoolSize,
          forceCold: config.vmColdBoot,
        }),
    ],
  ];
  const runtimes = new Map<Isolation, Runtime>();
  await Promise.all(
    attempts.map(async ([isolation, create]) => {
      try {
        runtimes.set(isolation, await create());
      } catch (error) {
        log.warn("isolation-unavailable", { isolation, error });
      }
    }),
  );
  return runtimes;
}

function nativeDirectory(config: DaemonConfig): string {
  const here = import.meta.dirname;
  const candidates = [
    config.nativeDirectory,
    join(here, "../../build/native"),
    join(here, "../build/native"),
    "/usr/lib/duet",
  ].filter((path) => path !== "");
  const found = candidates.find((path) => existsSync(join(path, "duet-shim")));
  if (found !== undefined) return found;
  throw new DuetError("unavailable", "NATIVE_MISSING", "the native parts of Duet are not built", {
    hint: "run `npm run setup`, or set nativeDirectory in the configuration",
  });
}

import { readdir, readFile } from "node:fs/promises";
import { arch, availableParallelism, hostname, release, totalmem } from "node:os";
import type { ContainerState } from "../../domain/container.ts";
import type { EngineContext } from "../context.ts";
import type { SystemInfo, SystemUseCases } from "../engine.ts";
import { logDrivers } from "../containers/log-settings.ts";
import { diskUsage } from "./disk-usage.ts";
import { fileSystemName } from "./file-system-name.ts";
import { limitWarnings } from "./limit-warnings.ts";

export function systemUseCases(context: EngineContext): SystemUseCases {
  return {
    info: () => systemInfo(context),
    events: (options, signal) => context.events.subscribe(options.since, options.until, signal),
    watchers: () => context.events.watchers,
    diskUsage: (signal, only) => diskUsage(context, signal, only),
  };
}

async function systemInfo(context: EngineContext): Promise<SystemInfo> {
  const { settings, store } = context;
  const containers = store.containers.list();
  const count = (...states: ContainerState[]): number =>
    containers.filter((record) => states.includes(record.state)).length;
  const running = count("running", "restarting", "starting");
  const paused = count("paused");
  const system = await osRelease();
  return {
    id: settings.id,
    name: hostname(),
    dataRoot: settings.dataRoot,
    dataFileSystem: await fileSystemName(settings.dataRoot),
    openFiles: (await readdir("/proc/self/fd")).length,
    kernel: release(),
    operatingSystem: system.get("PRETTY_NAME") ?? "Linux",
    osVersion: system.get("VERSION_ID") ?? "",
    architecture: arch() === "arm64" ? "aarch64" : "x86_64",
    cpus: availableParallelism(),
    memory: totalmem(),
    cgroupVersion: settings.cgroupVersion,
    cgroupDriver: "cgroupfs",
    counts: {
      containers: containers.length,
      running,
      paused,
      stopped: containers.length - running - paused,
      images: store.images.list().length,
    },
    runtimes: [...context.runtimes.values()].map(
      ({ name, isolation, description, waiting, used }) => ({
        name,
        isolation,
        description,
        ...(waiting === undefined ? {} : { waiting }),
        ...(used === undefined ? {} : { used }),
      }),
    ),
    securityOptions: [
      ...(context.runtimes.get("container")?.profile === undefined ? [] : ["name=apparmor"]),
      "name=seccomp,profile=builtin",
    ],
    insecureRegistries: settings.insecureRegistries,
    mirrors: settings.mirrors,
    proxies: settings.proxies,
    logDriver: settings.logging.driver,
    logDrivers: logDrivers(context.logSinks),
    warnings: limitWarnings(context.runtimes.get("container")?.abilities, settings.cgroupVersion),
    limits: context.runtimes.get("container")?.abilities ?? null,
    startedAt: settings.startedAt,
  };
}

/** os-release(5). */
async function osRelease(): Promise<ReadonlyMap<string, string>> {
  const text = await readFile("/etc/os-release", "utf8").catch(() => "");
  return new Map(
    text.split("\n").flatMap((line) => {
      const match = /^([A-Z_]+)="?([^"]*)"?$/.exec(line);
      return match === null ? [] : [[match[1] ?? "", match[2] ?? ""]];
    }),
  );
}

import { randomUUID } from "node:crypto";
import { mkdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { parseUlimit } from "../domain/limits.ts";
import { createEngine } from "../engine/create-engine.ts";
import { checkDefaults } from "../engine/containers/log-settings.ts";
import { collectGarbage } from "../engine/images/collect.ts";
import type { EngineContext, EngineSettings } from "../engine/context.ts";
import { collectLeftovers, restore } from "../engine/restore.ts";
import { startAlways } from "../engine/start-always.ts";
import { canceled, never, race, withDeadline } from "../kit/abort.ts";
import { writeFileAtomic } from "../kit/atomic-file.ts";
import { DuetError, errnoOf } from "../kit/errors.ts";
import { lockFile } from "../kit/file-lock.ts";
import type { Log } from "../kit/log.ts";
import { Scope } from "../kit/scope.ts";
import { buildMountsFolder } from "../engine/build/run-mounts.ts";
import { createDockerServer, type DockerServer } from "../servers/docker/server.ts";
import type { DaemonConfig } from "./config.ts";
import { chooseDrivers } from "./drivers.ts";
import { makeSettingsFolder } from "./folders.ts";
import { groupId } from "./group.ts";
import { cgroupVersion } from "./host.ts";
import { readIdentity } from "./hosts.ts";
import { returnMemoryWhenQuiet } from "./idle-memory.ts";
import { goFirst } from "./priority.ts";
import { maskProxy } from "./proxies.ts";
import { serverVersion } from "./version.ts";

const closeMilliseconds = 10_000;
const settleMilliseconds = 5_000;

/** Runs until SIGTERM or SIGINT. Workloads go on after it: their shims own them. */
export async function runDaemon(config: DaemonConfig, log: Log): Promise<void> {
  refuseUnprivileged();
  const stop = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    process.on(name, () => stop.abort(canceled(`the daemon got ${name}`)));
  }
  process.umask(0o022);
  goFirst(log);
  await using scope = new Scope();
  const settings = await prepareFolders(config);
  const lock = lockFile(join(config.dataRoot, "lock"), `data root ${config.dataRoot}`);
  scope.defer(() => lock.release());
  const id = await engineId(config.dataRoot);
  const context = await chooseDrivers(config, { ...settings, id }, log);
  scope.defer(() => context.store.close());
  scope.defer(() => context.network.close());
  for (const runtime of context.runtimes.values()) scope.defer(() => runtime.close());
  // What ended just before is cleaned up, as far as it can be in time; the rest is for the next daemon.
  scope.defer((until) => settleEndings(context, until));
  scope.defer(() => context.health.close(context));
  scope.defer(() => context.shipments.close());
  checkDefaults(context.logSinks, config.logging);
  await restore(context);
  await collectLeftovers(context, withDeadline(never, 120_000, "collecting leftovers"));
  const server = createDockerServer({
    buildHistory: join(config.dataRoot, "build-history"),
    agentsFolder: buildMountsFolder(context),
    engine: createEngine(context),
    version: serverVersion,
    log: log.part("api"),
    defaultIsolation: config.defaultIsolation,
    allowedHosts: config.allowedHosts,
  });
  scope.defer(() => server.close(withDeadline(never, closeMilliseconds, "closing connections")));
  const gid = await groupId(config.group);
  await server.listen(config.hosts.socket, { mode: 0o660, ...(gid === undefined ? {} : { gid }) });
  await serveTcp(server, config, log);
  const pidFile = join(config.runDirectory, "duetd.pid");
  await writeFileAtomic(pidFile, `${process.pid}\n`, 0o644);
  scope.defer(() => unlink(pidFile));
  startAlways(context);
  log.info("ready", { socket: config.hosts.socket, pid: process.pid });
  using _memory = returnMemoryWhenQuiet(log);
  const warming = warmUp(context, log, stop.signal);
  if (!stop.signal.aborted) {
    await new Promise((resolve) => stop.signal.addEventListener("abort", resolve, { once: true }));
  }
  log.info("stopping", { reason: String(stop.signal.reason) });
  await warming;
}

/** SIGHUP reads renewed certificates; without TCP it does nothing, and never ends the daemon. */
async function serveTcp(server: DockerServer, config: DaemonConfig, log: Log): Promise<void> {
  if (config.hosts.tcp.length === 0) {
    process.on("SIGHUP", () => undefined);
    return;
  }
  const listener = await server.listenTls(config.hosts.tcp, await readIdentity(config.tls));
  process.on("SIGHUP", () => {
    readIdentity(config.tls)
      .then((identity) => {
        listener.renew(identity);
        log.info("certificates-read", { file: config.tls.certificate });
      })
      .catch((error: unknown) => log.error("certificates-unreadable", { error }));
  });
  log.info("serving-tcp", { addresses: config.hosts.tcp });
}

async function settleEndings(context: EngineContext, signal: AbortSignal): Promise<void> {
  const until = withDeadline(signal, settleMilliseconds, "clean-up of what has ended");
  await race(context.containerLocks.idle(), until).catch(() => undefined);
}

function refuseUnprivileged(): void {
  if (process.getuid?.() === 0) return;
  throw new DuetError(
    "denied",
    "NOT_ROOT",
    "the engine must run as root: it makes namespaces, bridges and mounts",
    {
      hint: "start it with sudo, or as the service duet",
    },
  );
}

async function prepareFolders(config: DaemonConfig): Promise<Omit<EngineSettings, "id">> {
  const data = (name: string): string => join(config.dataRoot, name);
  await makeSettingsFolder("data root", config.dataRoot, { mode: 0o710, exact: true });
  await makeSettingsFolder("run directory", config.runDirectory, { mode: 0o755, exact: false });
  const workloadsDirectory = join(config.runDirectory, "w");
  for (const folder of [data("containers"), workloadsDirectory]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  // Programs in workloads run as any user and must reach their volumes.
  await mkdir(data("volumes"), { recursive: true, mode: 0o711 });
  return {
    dataRoot: config.dataRoot,
    runDirectory: config.runDirectory,
    containersDirectory: data("containers"),
    volumesDirectory: data("volumes"),
    workloadsDirectory,
    insecureRegistries: config.insecureRegistries,
    defaultUlimits: config.defaultUlimits.flatMap((text) => parseUlimit(text) ?? []),
    logging: config.logging,
    mirrors: config.registryMirrors,
    proxies: {
      httpProxy: maskProxy(config.proxies.httpProxy),
      httpsProxy: maskProxy(config.proxies.httpsProxy),
      noProxy: config.proxies.noProxy,
    },
    defaultIsolation: config.defaultIsolation,
    storeLimit: config.storeLimit,
    cgroupVersion: await cgroupVersion(),
    startedAt: Date.now(),
  };
}

/** A random id of the data root, made at its first use. */
async function engineId(dataRoot: string): Promise<string> {
  const path = join(dataRoot, "engine-id");
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
  const id = randomUUID();
  await writeFileAtomic(path, `${id}\n`);
  return id;
}

/** What makes later work quick or tidy and nobody waits for. */
async function warmUp(context: EngineContext, log: Log, signal: AbortSignal): Promise<void> {
  const jobs = [
    ...[...context.runtimes.values()].map((runtime) => runtime.warm(signal)),
    collectGarbage(context),
  ];
  for (const result of await Promise.allSettled(jobs)) {
    if (result.status === "rejected" && !signal.aborted) {
      log.warn("warm-up-failed", { error: result.reason });
    }
  }
}

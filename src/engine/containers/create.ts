import { mkdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { ContainerRecord, ContainerSpec } from "../../domain/container.ts";
import { checkObjectName, newObjectId } from "../../domain/identity.ts";
import type { ImageRecord } from "../../domain/image.ts";
import { chainIds } from "../../domain/manifest.ts";
import { syncFolder } from "../../kit/atomic-file.ts";
import { DuetError, isDuetError } from "../../kit/errors.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { Scope } from "../../kit/scope.ts";
import type { EngineContext } from "../context.ts";
import { ensureUnpacked } from "../images/ensure-unpacked.ts";
import { findImage } from "../images/find.ts";
import { removeVolume } from "../volumes/volumes.ts";
import { copyUpVolumes } from "../volumes/copy-up.ts";
import { parseNetworkMode, planEndpoints } from "./endpoints.ts";
import { findContainer, publishContainerEvent } from "./find.ts";
import { inventName } from "./names.ts";
import { checkMountedImages, resolveMounts, type VolumeUse } from "./resolve-mounts.ts";
import { resolveLinks } from "./links.ts";
import { resolveNamespaces } from "./namespaces.ts";
import { resolveProcess } from "./resolve-process.ts";
import { checkDiskSize, checkMachine, holdsDisk } from "./machine-disk.ts";
import { snapshotterOf } from "./root-kind.ts";
import { runtimeOf } from "./runtime-of.ts";
import { checkLogging, withDefaults } from "./log-settings.ts";
import { workloadMounts } from "./workload-spec.ts";
import { checkResources } from "./check-resources.ts";

/** Makes a container: everything that can be refused is refused here, nothing of the image runs yet. */
export async function createContainer(
  context: EngineContext,
  name: string | null,
  wanted: ContainerSpec,
  request: unknown,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  try {
    return await makeContainer(context, name, wanted, request, signal);
  } catch (error) {
    throw namesImageOnly(error);
  }
}

/**
 * Clients take "not found" at create to mean that the image has to be pulled, and hide the message:
 * any other thing that is missing makes the request invalid.
 */
function namesImageOnly(error: unknown): unknown {
  if (!isDuetError(error, "not-found") || error.code === "IMAGE_NOT_FOUND") return error;
  const { hint, subject } = error;
  return new DuetError("invalid", error.code, error.message, {
    ...(hint === undefined ? {} : { hint }),
    ...(subject === undefined ? {} : { subject }),
    cause: error,
  });
}

async function makeContainer(
  context: EngineContext,
  name: string | null,
  wanted: ContainerSpec,
  request: unknown,
  signal: AbortSignal,
): Promise<{ readonly id: string; readonly warnings: readonly string[] }> {
  const id = newObjectId();
  const { image } = findImage(context, wanted.image, wanted.platform ?? null);
  const runtime = runtimeOf(context, wanted.isolation);
  const finalName = chooseName(context, name);
  const named = resolveLinks(context, resolveNamespaces(context, wanted));
  const asked: ContainerSpec = {
    ...named,
    hostname: hostnameOf(context, named, id),
    logging: withDefaults(named.logging, context.settings.logging),
  };
  const bootsDisk = await holdsDisk(context, asked, image, signal);
  const resolved = resolveProcess(asked, image.process, bootsDisk ? [] : undefined);
  const warnings = [...checkResources(asked)];
  checkLogging(context.logSinks, asked.logging);
  await using scope = new Scope();
  using claims = new VolumeClaims(context, scope);
  const mounts = await resolveMounts(context, asked, image.process.volumes, claims, signal);
  const accepted = runtime.check({
    mounts: workloadMounts(mounts),
    resources: asked.resources,
    security: asked.security,
    network: { kind: networkKind(asked) },
    init: asked.lifecycle.init,
  });
  if (bootsDisk) checkMachine(asked, resolved, mounts);
  checkDiskSize(asked, bootsDisk);
  warnings.push(...accepted.warnings);
  const spec: ContainerSpec = { ...asked, resources: accepted.resources };
  const endpoints = planEndpoints(context, id, finalName, spec);
  const record: ContainerRecord = {
    ...neverRan,
    ...{ id, name: finalName, createdAt: Date.now(), spec, request, image: image.id },
    ...{ resolved, mounts, endpoints },
    ...(bootsDisk ? { bootsDisk } : {}),
  };
  await makeRoot(context, scope, record, image, signal);
  await failpoint("create.root");
  await copyUpVolumes(context, record, image, signal);
  context.store.transaction(() => {
    if (context.store.images.get(image.id) === undefined) findImage(context, image.id);
    checkMountedImages(context, mounts);
    context.store.containers.put(record);
  });
  scope.commit();
  await failpoint("create.stored");
  publishContainerEvent(context, record, "create");
  return { id, warnings };
}

/** Volumes of a container that is being made: kept from others until it is stored or given up. */
class VolumeClaims implements VolumeUse, Disposable {
  private readonly context: EngineContext;
  private readonly scope: Scope;
  private readonly names: string[] = [];

  constructor(context: EngineContext, scope: Scope) {
    this.context = context;
    this.scope = scope;
  }

  readonly claim = (name: string): void => {
    this.context.live.claimVolume(name);
    this.names.push(name);
  };

  /** One that was made for a container that does not come to be goes with it. */
  created(name: string): void {
    this.scope.defer(async (until) => {
      try {
        await removeVolume(this.context, name, true, until);
      } catch (error) {
        // Another container has taken it meanwhile.
        if (!isDuetError(error, "conflict")) throw error;
      }
    });
  }

  [Symbol.dispose](): void {
    for (const name of this.names.splice(0)) this.context.live.unclaimVolume(name);
  }
}

const neverRan = {
  state: "created",
  stoppedByUser: false,
  startedAt: 0,
  finishedAt: 0,
  exitCode: 0,
  outOfMemory: false,
  error: "",
  restartCount: 0,
  pid: 0,
  workload: null,
} as const;

/** Docker's default: the host's own name in its network, the other's where a network is joined, else the short id. */
function hostnameOf(context: EngineContext, spec: ContainerSpec, id: string): string {
  if (spec.hostname !== "") return spec.hostname;
  const mode = parseNetworkMode(spec.network.mode);
  if (mode.kind === "host") return hostname();
  if (mode.kind === "container") return findContainer(context, mode.container).spec.hostname;
  return id.slice(0, 12);
}

async function makeRoot(
  context: EngineContext,
  scope: Scope,
  record: ContainerRecord,
  image: ImageRecord,
  signal: AbortSignal,
): Promise<void> {
  const directory = join(context.settings.containersDirectory, record.id);
  await mkdir(directory, { mode: 0o700 });
  scope.defer(() => rm(directory, { recursive: true, force: true }));
  await syncFolder(context.settings.containersDirectory);
  await ensureUnpacked(context, image, signal);
  const snapshotter = snapshotterOf(context, record);
  scope.defer((until) => snapshotter.remove(record.id, until));
  const chain = chainIds(image.diffIds).at(-1) ?? null;
  await snapshotter.prepare(record.id, chain, signal, record.spec.diskSize);
}

function chooseName(context: EngineContext, name: string | null): string {
  const isTaken = (candidate: string): boolean =>
    context.store.containers.byName(candidate) !== undefined;
  if (name === null || name === "") return inventName(isTaken);
  const plain = name.replace(/^\//, "");
  checkObjectName("container", plain);
  const holder = context.store.containers.byName(plain);
  if (holder === undefined) return plain;
  throw new DuetError(
    "conflict",
    "NAME_IN_USE",
    `Conflict. The container name "/${plain}" is already in use by container "${holder.id}". You have to remove (or rename) that container to be able to reuse that name.`,
  );
}

function networkKind(spec: ContainerSpec): "own" | "none" | "host" {
  const mode = parseNetworkMode(spec.network.mode);
  return mode.kind === "host" || mode.kind === "none" ? mode.kind : "own";
}

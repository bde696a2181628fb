import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunOperation } from "../../domain/build/operation.ts";
import { newObjectId } from "../../domain/identity.ts";
import {
  defaultSharedMemorySize,
  noLimits,
  type ResourceLimits,
  type SecuritySpec,
} from "../../domain/limits.ts";
import { defaultPath, type ExitRecord } from "../../domain/process.ts";
import type { Runtime, Workload, WorkloadMount, WorkloadSpec } from "../../domain/runtime.ts";
import type { RootSource } from "../../domain/snapshot.ts";
import { failpoint } from "../../kit/failpoint.ts";
import { removeOwnFolder } from "../../kit/remove-folder.ts";
import type { Scope } from "../../kit/scope.ts";
import { createConnected } from "../containers/create-connected.ts";
import type { EngineContext } from "../context.ts";
import type { StepOutput } from "./build-work.ts";
import type { BuildRequest } from "./build.ts";
import { buildHostname, connectNetwork, reserveNetwork, stepFiles } from "./run-network.ts";

/** Where and how the process of a step runs. */
export interface StepProcess {
  readonly id: string;
  readonly operation: RunOperation;
  readonly root: RootSource;
  readonly mounts: readonly WorkloadMount[];
  /** Variables besides the operation's, such as secrets. */
  readonly env: readonly string[];
}

export function newStepId(): string {
  return newObjectId();
}

/** Folders of a step's workload; collectLeftovers finds them after a crash, since no container has them. */
export function stepFolders(
  context: EngineContext,
  id: string,
): { readonly state: string; readonly run: string } {
  return {
    state: join(context.settings.containersDirectory, id),
    run: join(context.settings.workloadsDirectory, id.slice(0, 12)),
  };
}

/** Runs the process of a step to its end, as a workload that no container stands for; it goes with the scope. */
export async function runProcess(
  context: EngineContext,
  scope: Scope,
  runtime: Runtime,
  request: BuildRequest,
  step: StepProcess,
  tell: (output: StepOutput) => void,
  signal: AbortSignal,
): Promise<{ readonly exit: ExitRecord; readonly workload: Workload }> {
  const folders = stepFolders(context, step.id);
  await mkdir(folders.run, { mode: 0o700, recursive: true });
  scope.defer(() => removeOwnFolder(folders.run));
  const network = reserveNetwork(context, scope, step.id, step.operation.network);
  const files = await stepFiles(context, network, request);
  const spec = workloadSpec(context, runtime, request, step, network.kind, files);
  const workload = await runtime.open(spec, signal);
  scope.defer((until) => workload.delete(until));
  await failpoint("build.opened");
  await createConnected(
    workload,
    network.kind,
    () => connectNetwork(context, scope, workload, network, signal),
    signal,
  );
  return { exit: await follow(workload, tell, signal), workload };
}

async function follow(
  workload: Workload,
  tell: (output: StepOutput) => void,
  signal: AbortSignal,
): Promise<ExitRecord> {
  const streams = await workload.attach({ stdin: false }, signal);
  const abort = (): void => streams.detach();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await workload.start(signal);
    await failpoint("build.started");
    for await (const { stream, data } of streams.output) {
      tell({ stream, at: Date.now(), data: Uint8Array.from(data) });
    }
    return await workload.wait(signal);
  } finally {
    signal.removeEventListener("abort", abort);
    streams.detach();
  }
}

function workloadSpec(
  context: EngineContext,
  runtime: Runtime,
  request: BuildRequest,
  step: StepProcess,
  network: "own" | "none" | "host",
  files: WorkloadSpec["files"],
): WorkloadSpec {
  const { operation } = step;
  const folders = stepFolders(context, step.id);
  const security = stepSecurity(operation);
  const asked = stepResources(context, request);
  const { mounts } = step;
  const init = false;
  const { resources } = runtime.check({
    ...{ mounts, resources: asked, security, init },
    network: { kind: network },
  });
  const env = [...operation.env, ...step.env];
  const hasPath = env.some((entry) => entry.startsWith("PATH="));
  return {
    ...{ id: step.id, stateDirectory: folders.state, runDirectory: folders.run },
    ...{
      root: step.root,
      keepsRoot: true,
      readonlyRoot: false,
      init,
      mounts,
      resources,
      security,
      files,
    },
    process: {
      argv: operation.argv,
      env: hasPath ? env : [defaultPath, ...env],
      workingDirectory: operation.workingDirectory,
      user: operation.user,
      groups: [],
      terminal: null,
      stdin: false,
      privileged: security.privileged,
    },
    hostname: request.hostname ?? buildHostname,
    domainname: "",
    sharedMemory: null,
    network: { kind: network },
    log: { path: null, maximumSize: 0, maximumFiles: 1 },
    annotations: {},
  };
}

function stepSecurity(operation: RunOperation): SecuritySpec {
  return {
    privileged: operation.security === "insecure",
    ...{ capAdd: [], capDrop: [], noNewPrivileges: false },
    ...{ seccomp: "", apparmor: "", selinuxLabels: [], maskedPaths: null, readonlyPaths: null },
    ...{ devices: [], deviceCgroupRules: [], sysctls: {}, groupAdd: [] },
    ...{ ipcMode: "", pidMode: "", utsMode: "", cgroupnsMode: "", usernsMode: "" },
  };
}

function stepResources(context: EngineContext, request: BuildRequest): ResourceLimits {
  const asked = request.resources ?? noLimits;
  const names = new Set(asked.ulimits.map(({ name }) => name));
  const defaults = context.settings.defaultUlimits.filter(({ name }) => !names.has(name));
  return {
    ...asked,
    // A build may make as many processes as the host has room for.
    pids: asked.pids ?? -1,
    shmSize: request.sharedMemorySize || defaultSharedMemorySize,
    ulimits: [...defaults, ...asked.ulimits],
  };
}

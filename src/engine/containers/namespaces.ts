import type { ContainerRecord, ContainerSpec } from "../../domain/container.ts";
import type { SecuritySpec } from "../../domain/limits.ts";
import { DuetError } from "../../kit/errors.ts";
import type { EngineContext } from "../context.ts";
import { findContainer } from "./find.ts";

const prefix = "container:";

/**
 * The namespaces that a new container will have, with other containers by their id, so that a rename
 * does not part them, and the cgroup namespace that this host's version has by default. Throws
 * `unsupported` ISOLATION_NAMESPACE where one of both is a virtual machine.
 */
export function resolveNamespaces(context: EngineContext, spec: ContainerSpec): ContainerSpec {
  const { network, security } = spec;
  const byId = (kind: string, mode: string): string => {
    if (!mode.startsWith(prefix)) return mode;
    const target = findContainer(context, mode.slice(prefix.length));
    if (spec.isolation === "vm" || target.spec.isolation === "vm") throw separate(kind);
    return `${prefix}${target.id}`;
  };
  const unified = context.settings.cgroupVersion === "2";
  const isPrivate = unified || spec.isolation === "vm";
  return {
    ...spec,
    network: { ...network, mode: byId("network stack", network.mode) },
    security: {
      ...security,
      pidMode: byId("processes", security.pidMode),
      ipcMode: byId("shared memory", security.ipcMode),
      cgroupnsMode: security.cgroupnsMode || (isPrivate ? "private" : "host"),
    },
  };
}

function separate(kind: string): DuetError {
  return new DuetError(
    "unsupported",
    "ISOLATION_NAMESPACE",
    `a virtual machine has a kernel of its own: its ${kind} cannot be shared with a container`,
    { hint: "put both on one network and use their names", http: 400 },
  );
}

/** The container whose namespace `mode` names, which must run. Throws what Docker answers where it does not. */
function runningTarget(context: EngineContext, kind: "PID" | "IPC", mode: string): ContainerRecord {
  const record = findContainer(context, mode.slice(prefix.length));
  if (record.state === "restarting") {
    throw failed(kind, `Container ${record.id} is restarting, wait until the container is running`);
  }
  if (record.pid === 0 || (record.state !== "running" && record.state !== "paused")) {
    throw failed(kind, `container ${record.id} is not running`);
  }
  return record;
}

function failed(kind: string, why: string): DuetError {
  return new DuetError("conflict", "NOT_RUNNING", `failed to join ${kind} namespace: ${why}`);
}

/** The security of one run: joined namespaces by the pid of the container that runs in them now. */
export function joinNamespaces(context: EngineContext, security: SecuritySpec): SecuritySpec {
  const { pidMode, ipcMode } = security;
  return {
    ...security,
    pidMode: pidMode.startsWith(prefix)
      ? `${prefix}${runningTarget(context, "PID", pidMode).pid}`
      : pidMode,
    ipcMode: ipcMode.startsWith(prefix)
      ? `${prefix}${shareableTarget(context, ipcMode).pid}`
      : ipcMode,
  };
}

function shareableTarget(context: EngineContext, mode: string): ContainerRecord {
  const record = runningTarget(context, "IPC", mode);
  if (record.spec.security.ipcMode === "shareable") return record;
  throw new DuetError(
    "invalid",
    "IPC_NOT_SHAREABLE",
    `failed to join IPC namespace: container ${record.id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`,
  );
}

import type { WorkloadSpec } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import { capabilityMask } from "./capabilities.ts";
import { isUlimit } from "./guest-fields.ts";

type Checked = Pick<WorkloadSpec, "mounts" | "resources" | "security" | "network" | "init">;

/** Refuses, with `unsupported` VM_CANNOT, what a guest of its own kernel cannot share with the host. */
export function checkWorkload(spec: Checked): void {
  const { security, network, mounts, resources } = spec;
  if (network.kind === "host" || network.kind === "join")
    refuse("share a network namespace", "use a network of Duet");
  if (security.pidMode !== "") refuse("share a process namespace", "leave out --pid");
  if (security.ipcMode === "host" || security.ipcMode.startsWith("container:")) {
    refuse("share an IPC namespace", "leave out --ipc");
  }
  if (security.utsMode === "host") refuse("share the host's name", "leave out --uts");
  if (security.devices.length > 0) refuse("use devices of the host", "leave out --device");
  if (mounts.some(({ propagation }) => propagation.endsWith("shared"))) {
    refuse("propagate mounts to the host", "use private propagation");
  }
  const ulimit = resources.ulimits.find(({ name }) => !isUlimit(name));
  if (ulimit !== undefined)
    throw new DuetError("invalid", "ULIMIT_UNKNOWN", `unknown ulimit: ${ulimit.name}`);
  capabilityMask(security);
}

function refuse(what: string, hint: string): never {
  throw new DuetError("unsupported", "VM_CANNOT", `a virtual machine cannot ${what}`, {
    hint,
    http: 400,
  });
}

import type { Isolation } from "../../../../domain/identity.ts";
import { invalid } from "../../failures.ts";

const containerRuntimes = new Set(["runc", "crun", "io.containerd.runc.v2"]);
const vmRuntimes = new Set(["vm", "duet-vm"]);

/**
 * Reads HostConfig.Isolation and HostConfig.Runtime, the two places in which clients name the
 * isolation; `otherwise` is taken where neither does.
 */
export function isolationOf(isolation: string, runtime: string, otherwise: Isolation): Isolation {
  const byRuntime = runtime === "" ? otherwise : isolationOfRuntime(runtime);
  switch (isolation.toLowerCase()) {
    case "":
    case "default":
      return byRuntime;
    case "vm":
      if (runtime !== "" && byRuntime === "container") throw conflicting(isolation, runtime);
      return "vm";
    case "container":
      if (runtime !== "" && byRuntime === "vm") throw conflicting(isolation, runtime);
      return "container";
    default:
      throw invalid(
        `invalid isolation (${isolation.slice(0, 40)}): linux only supports 'default', 'container' and 'vm'`,
      );
  }
}

function isolationOfRuntime(runtime: string): Isolation {
  if (containerRuntimes.has(runtime)) return "container";
  if (vmRuntimes.has(runtime)) return "vm";
  throw invalid(
    `unknown or invalid runtime name: ${runtime.slice(0, 80)}`,
    "the runtimes are runc or crun for containers, and vm",
  );
}

function conflicting(isolation: string, runtime: string): Error {
  return invalid(`conflicting options: isolation ${isolation} and runtime ${runtime}`);
}

import { access, constants } from "node:fs/promises";
import { basename, join } from "node:path";
import { DuetError } from "../../kit/errors.ts";
import { programPath, run } from "../../kit/subprocess.ts";
import { withDeadline } from "../../kit/abort.ts";
import { readCgroupHost, type CgroupHost } from "./cgroup.ts";

/** What `duet doctor` tells of one OCI runtime of this host. */
export interface OciRuntimeFacts {
  readonly name: "runc" | "crun";
  readonly path: string;
  /** Such as `1.1.5`; "" where it did not say. */
  readonly version: string;
  readonly usable: boolean;
  /** Why not, or "". */
  readonly reason: string;
  /** Its version number is older than the last one with a security fix known here. */
  readonly outdated: boolean;
  readonly advice: string;
}

/**
 * First versions that have every published fix known when this was written (November 2026).
 * runc: CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 in 1.2.8. crun: CVE-2025-24965 in 1.20.
 */
const lastSecurityFix: Readonly<Record<OciRuntimeFacts["name"], string>> = {
  runc: "1.2.8",
  crun: "1.20",
};

const probeMilliseconds = 10_000;

/** Looks for runc and crun in the host's program folders (or only at `path`), best choice first. */
export async function probeOciRuntimes(
  signal: AbortSignal,
  path?: string,
): Promise<readonly OciRuntimeFacts[]> {
  const host = readCgroupHost();
  const names = host.version === 2 ? (["crun", "runc"] as const) : (["runc", "crun"] as const);
  const found =
    path === undefined
      ? await Promise.all(names.map(async (name) => ({ name, path: await findProgram(name) })))
      : [{ name: basename(path).includes("crun") ? ("crun" as const) : ("runc" as const), path }];
  const facts = await Promise.all(
    found
      .filter((candidate) => candidate.path !== "")
      .map((candidate) => probe(candidate.name, candidate.path, host, signal)),
  );
  return facts.toSorted((one, other) => Number(other.usable) - Number(one.usable));
}

/** The runtime to use. Throws `unavailable` NO_OCI_RUNTIME with each one's reason. */
export async function chooseOciRuntime(
  signal: AbortSignal,
  path?: string,
): Promise<OciRuntimeFacts> {
  const facts = await probeOciRuntimes(signal, path);
  const best = facts.find((candidate) => candidate.usable);
  if (best !== undefined) return best;
  const reasons = facts.map((candidate) => `${candidate.name}: ${candidate.reason}`).join("; ");
  throw new DuetError(
    "unavailable",
    "NO_OCI_RUNTIME",
    `no usable OCI runtime${reasons === "" ? "" : ` (${reasons})`}`,
    {
      hint: "install the package runc",
    },
  );
}

async function findProgram(name: string): Promise<string> {
  for (const folder of programPath.split(":")) {
    const path = join(folder, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return "";
}

async function probe(
  name: OciRuntimeFacts["name"],
  path: string,
  host: CgroupHost,
  signal: AbortSignal,
): Promise<OciRuntimeFacts> {
  let version = "";
  let reason = "";
  let packaged = false;
  try {
    const deadline = withDeadline(signal, probeMilliseconds, `${name} --version`);
    const { stdout } = await run(path, ["--version"], { signal: deadline });
    const match = /version v?(\d+(?:\.\d+)+)(\S*)/.exec(stdout.toString("utf8"));
    version = match?.[1] ?? "";
    packaged = /ds|deb|ubuntu|\.el/.test(match?.[2] ?? "");
    if (version === "") reason = "it did not say its version";
    else if (name === "crun" && host.hybrid && isOlder(version, "1.9")) {
      reason = `crun ${version} refuses the hybrid cgroup layout of this host`;
    }
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  const outdated = version !== "" && isOlder(version, lastSecurityFix[name]);
  return {
    name,
    path,
    version,
    usable: reason === "",
    reason,
    outdated,
    advice: advice(name, outdated, packaged),
  };
}

function advice(name: OciRuntimeFacts["name"], outdated: boolean, packaged: boolean): string {
  if (!outdated) return "";
  const fixed = `${name} ${lastSecurityFix[name]} has the last security fix`;
  return packaged
    ? `${fixed}; a distribution's package may carry it under an older number: keep it up to date`
    : `${fixed}: install that or a newer one`;
}

export function isOlder(version: string, than: string): boolean {
  const own = version.split(".").map(Number);
  const other = than.split(".").map(Number);
  for (let index = 0; index < Math.max(own.length, other.length); index += 1) {
    const difference = (own[index] ?? 0) - (other[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

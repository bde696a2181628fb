import { compareVersions, versionNumbers } from "./version.ts";

/** A security fix of an OCI runtime, from its project's advisories. */
export interface SecurityFix {
  readonly names: readonly string[];
  readonly what: string;
  /** First version with the flaw; it was always there where this is missing. */
  readonly since?: string;
  /** First fixed version of each release line, oldest line first; later lines have the fix as well. */
  readonly fixedIn: readonly string[];
}

export const securityFixes: Readonly<Record<"runc" | "crun", readonly SecurityFix[]>> = {
  runc: [
    {
      names: ["CVE-2024-21626"],
      what: "a workload gets at the host's files through a leaked descriptor",
      fixedIn: ["1.1.12"],
    },
    {
      names: ["CVE-2024-45310"],
      what: "a workload makes empty files on the host",
      fixedIn: ["1.1.14"],
    },
    {
      names: ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"],
      what: "a workload writes to the host's /proc and escapes",
      fixedIn: ["1.2.8", "1.3.3"],
    },
  ],
  crun: [
    {
      names: ["CVE-2022-27650"],
      what: "processes get capabilities that they should not inherit",
      fixedIn: ["1.4.4"],
    },
    {
      names: ["CVE-2025-24965"],
      what: "an image makes crun's krun handler write files on the host",
      fixedIn: ["1.20"],
    },
    {
      names: ["CVE-2026-30892"],
      what: "exec as user 1 runs as root",
      since: "1.19",
      fixedIn: ["1.27"],
    },
  ],
};

/** The flaws of a version, without those whose names `changelog` (the distribution's) mentions as mended. */
export function openFlaws(
  runtime: "runc" | "crun",
  version: string,
  changelog: string,
): readonly SecurityFix[] {
  const numbers = versionNumbers(version);
  if (numbers === undefined) return [];
  return securityFixes[runtime].filter(
    (fix) => isAffected(numbers, fix) && !fix.names.every((name) => changelog.includes(name)),
  );
}

function isAffected(version: readonly number[], fix: SecurityFix): boolean {
  const since = versionNumbers(fix.since ?? "0.0") ?? [];
  if (compareVersions(version, since) < 0) return false;
  const lines = fix.fixedIn.map((text) => versionNumbers(text) ?? []);
  const own = lines.find((line) => line[0] === version[0] && line[1] === version[1]);
  const last = lines.at(-1) ?? [];
  return compareVersions(version, own ?? last) < 0;
}

import { arch, release } from "node:os";
import { DuetError } from "../../kit/errors.ts";
import type { OciSeccomp, SeccompArgument } from "./oci-spec.ts";
import builtIn from "./seccomp.json" with { type: "json" };

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

/** A profile in Docker's format: conditions on capabilities, architecture and kernel, resolved by the engine. */
interface Profile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures?: readonly string[] | null;
  }[];
  readonly syscalls?: readonly ProfileRule[] | null;
}

/** Facts about host and container on which rules depend. */
export interface SeccompFacts {
  readonly capabilities: readonly string[];
  /** Docker's names: `amd64`, `arm64`. */
  readonly architecture: string;
  /** Such as `6.1.0-18-amd64`. */
  readonly kernel: string;
}

const seccompArchitecture: Readonly<Record<string, string>> = {
  amd64: "SCMP_ARCH_X86_64",
  arm64: "SCMP_ARCH_AARCH64",
};

const maximumProfile = 1 << 20;

export function hostSeccompFacts(capabilities: readonly string[]): SeccompFacts {
  return { capabilities, architecture: arch() === "x64" ? "amd64" : arch(), kernel: release() };
}

/**
 * What `SecuritySpec.seccomp` stands for on this host: undefined for `unconfined`, else the filter.
 * Throws `invalid` SECCOMP_PROFILE on text that is no profile.
 */
export function resolveSeccomp(specification: string, facts: SeccompFacts): OciSeccomp | undefined {
  if (specification === "unconfined") return undefined;
  if (specification !== "" && specification !== "default")
    return resolveProfile(parse(specification), facts);
  return resolveProfile(builtIn, facts);
}

function parse(text: string): Profile {
  if (text.length > maximumProfile) throw unreadable("it is over 1 MiB long");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable(cause instanceof Error ? cause.message : "it is no JSON");
  }
  if (isProfile(value)) return value;
  throw unreadable("it has no defaultAction, or its syscalls are no list of rules");
}

function unreadable(why: string): DuetError {
  return new DuetError("invalid", "SECCOMP_PROFILE", `cannot read the seccomp profile: ${why}`, {
    hint: "give the path of a profile in Docker's format, or unconfined",
  });
}

function isProfile(value: unknown): value is Profile {
  if (typeof value !== "object" || value === null || !("defaultAction" in value)) return false;
  if (typeof value.defaultAction !== "string") return false;
  if (!("syscalls" in value) || value.syscalls === undefined || value.syscalls === null)
    return true;
  return Array.isArray(value.syscalls) && value.syscalls.every(isRule);
}

function isRule(rule: unknown): boolean {
  if (typeof rule !== "object" || rule === null || !("action" in rule)) return false;
  const named =
    "names" in rule ? Array.isArray(rule.names) : "name" in rule && typeof rule.name === "string";
  return named && typeof rule.action === "string";
}

function resolveProfile(profile: Profile, facts: SeccompFacts): OciSeccomp {
  const rules = (profile.syscalls ?? []).filter((rule) => applies(rule, facts));
  return {
    defaultAction: profile.defaultAction,
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: architectures(profile, facts),
    syscalls: rules.map((rule) => ({
      names: rule.names ?? [rule.name ?? ""],
      action: rule.action,
      ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
      ...(rule.args && rule.args.length > 0 ? { args: rule.args } : {}),
    })),
  };
}

function architectures(profile: Profile, facts: SeccompFacts): readonly string[] {
  if (profile.architectures && profile.architectures.length > 0) return profile.architectures;
  const own = seccompArchitecture[facts.architecture];
  const entry = profile.archMap?.find((candidate) => candidate.architecture === own);
  return entry === undefined ? [] : [entry.architecture, ...(entry.subArchitectures ?? [])];
}

function applies(rule: ProfileRule, facts: SeccompFacts): boolean {
  const { includes = {}, excludes = {} } = rule;
  if (includes.arches?.length && !includes.arches.includes(facts.architecture)) return false;
  if (includes.caps && !includes.caps.every((name) => facts.capabilities.includes(name)))
    return false;
  if (includes.minKernel && !atLeast(facts.kernel, includes.minKernel)) return false;
  if (excludes.arches?.includes(facts.architecture)) return false;
  if (excludes.caps?.some((name) => facts.capabilities.includes(name))) return false;
  return !(excludes.minKernel && atLeast(facts.kernel, excludes.minKernel));
}

function atLeast(kernel: string, wanted: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

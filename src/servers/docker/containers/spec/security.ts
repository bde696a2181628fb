import type { SecuritySpec } from "../../../../domain/limits.ts";
import type { HostConfig } from "../../../../spec/docker/container.ts";
import { invalid, unsupported } from "../../failures.ts";
import { capabilityNames } from "./capability-names.ts";
import { deviceRequestsOf, devicesOf } from "./resources.ts";

export function securityOf(host: HostConfig): SecuritySpec {
  const options = parseSecurityOptions(host.SecurityOpt ?? []);
  if ((host.Cgroup ?? "") !== "") throw unsupported("sharing a cgroup is not supported");
  checkModes(host);
  return {
    privileged: host.Privileged ?? false,
    capAdd: (host.CapAdd ?? []).map((name) => checkCapability("CapAdd", name)),
    capDrop: (host.CapDrop ?? []).map((name) => checkCapability("CapDrop", name)),
    noNewPrivileges: options.noNewPrivileges,
    writableCgroups: options.writableCgroups,
    seccomp: options.seccomp,
    apparmor: options.apparmor,
    selinuxLabels: options.labels,
    maskedPaths: options.unconfinedPaths ? [] : (host.MaskedPaths ?? null),
    readonlyPaths: options.unconfinedPaths ? [] : (host.ReadonlyPaths ?? null),
    devices: devicesOf(host.Devices ?? []),
    deviceRequests: deviceRequestsOf(host.DeviceRequests ?? []),
    deviceCgroupRules: (host.DeviceCgroupRules ?? []).map(checkDeviceRule),
    sysctls: checkSysctls(host.Sysctls ?? {}),
    groupAdd: host.GroupAdd ?? [],
    ipcMode: host.IpcMode ?? "",
    pidMode: host.PidMode ?? "",
    utsMode: host.UTSMode ?? "",
    cgroupnsMode: host.CgroupnsMode ?? "",
    usernsMode: host.UsernsMode ?? "",
  };
}

interface SecurityOptions {
  noNewPrivileges: boolean;
  writableCgroups: boolean;
  seccomp: string;
  apparmor: string;
  labels: string[];
  unconfinedPaths: boolean;
}

/** `--security-opt`, with `=` or, as in old clients, `:` between name and value. */
export function parseSecurityOptions(texts: readonly string[]): SecurityOptions {
  const options: SecurityOptions = {
    noNewPrivileges: false,
    writableCgroups: false,
    seccomp: "default",
    apparmor: "",
    labels: [],
    unconfinedPaths: false,
  };
  for (const text of texts) applySecurityOption(options, text);
  return options;
}

function applySecurityOption(options: SecurityOptions, text: string): void {
  const at = text.search(/[=:]/);
  const name = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? null : text.slice(at + 1);
  if (name === "no-new-privileges") options.noNewPrivileges = parseFlag(text, value);
  else if (value === null) throw badOption(text);
  else if (name === "seccomp")
    options.seccomp = value === "builtin" ? "default" : checkSeccomp(value);
  else if (name === "apparmor") options.apparmor = value;
  else if (name === "label") options.labels.push(value);
  else if (name === "systempaths" && value === "unconfined") options.unconfinedPaths = true;
  else if (name === "writable-cgroups") options.writableCgroups = parseFlag(text, value);
  else throw badOption(text);
}

function parseFlag(text: string, value: string | null): boolean {
  if (value === null || value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw badOption(text);
}

function checkSeccomp(value: string): string {
  if (value === "unconfined" || value === "default") return value;
  try {
    const profile: unknown = JSON.parse(value);
    if (typeof profile === "object" && profile !== null && !Array.isArray(profile)) return value;
  } catch {
    // Falls through: what is no JSON is no profile.
  }
  throw invalid("Decoding seccomp profile failed: it is not a JSON object");
}

function badOption(text: string): Error {
  const isBare = !/[=:]/.test(text);
  return invalid(
    `invalid --security-opt ${isBare ? 1 : 2}: ${JSON.stringify(text.slice(0, 100))}`,
    "the options are seccomp=, apparmor=, label=, no-new-privileges and systempaths=unconfined",
  );
}

function checkCapability(field: string, name: string): string {
  const plain = name.toUpperCase().replace(/^CAP_/, "");
  if (plain === "ALL" || capabilityNames.has(plain)) return plain;
  throw invalid(`invalid ${field}: unknown capability: "CAP_${plain.slice(0, 40)}"`);
}

function checkDeviceRule(rule: string): string {
  if (/^[acb] (?:\d{1,10}|\*):(?:\d{1,10}|\*) [rwm]{1,3}$/.test(rule)) return rule;
  throw invalid(`invalid device cgroup rule format: '${rule.slice(0, 80)}'`);
}

function checkSysctls(sysctls: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  for (const name of Object.keys(sysctls)) {
    const isValid = name.length <= 256 && /^[a-zA-Z0-9_-]+(?:[./][a-zA-Z0-9_-]+)+$/.test(name);
    if (!isValid) throw invalid(`sysctl ${JSON.stringify(name.slice(0, 80))} is not allowed`);
  }
  return sysctls;
}

const modes = {
  IpcMode: ["", "none", "private", "host", "shareable", "container:"],
  PidMode: ["", "host", "container:"],
  UTSMode: ["", "host"],
  CgroupnsMode: ["", "private", "host"],
  UsernsMode: ["", "host"],
} as const;
const modeNames = {
  IpcMode: "IPC mode",
  PidMode: "PID mode",
  UTSMode: "UTS mode",
  CgroupnsMode: "cgroup namespace mode",
  UsernsMode: "user namespace mode",
} as const;

function checkModes(host: HostConfig): void {
  for (const [name, allowed] of Object.entries(modes)) {
    const value = host[name as keyof typeof modes] ?? "";
    const isValid = allowed.some((mode) =>
      mode.endsWith(":") ? value.startsWith(mode) && value.length > mode.length : value === mode,
    );
    if (!isValid)
      throw invalid(`invalid ${modeNames[name as keyof typeof modes]}: ${value.slice(0, 80)}`);
  }
}

import type { MetricName, WayReport } from "./comparison.ts";

/**
 * Sentences that follow from the measured numbers: what a VM costs here, what it gives, and when to
 * choose which. Without both isolations measured there is no advice but the reason.
 */
export function adviseOn(reports: readonly WayReport[]): string[] {
  const container = reports.find((report) => report.way === "container");
  const vm = reports.find((report) => report.way === "vm");
  const native = reports.find((report) => report.way === "native");
  if (container === undefined || vm === undefined) return [];
  const lines = [...costs(container, vm), ...gains(native, container, vm)];
  if (lines.length === 0)
    return [`no advice: ${reasonOf(container) ?? reasonOf(vm) ?? "too little was measured"}`];
  return [...lines, ...choice(container, vm)];
}

function reasonOf(report: WayReport): string | undefined {
  const first = Object.entries(report.missing)[0];
  return first === undefined ? undefined : `${report.way}: ${first[0]}: ${first[1]}`;
}

/** A smaller difference is within what a busy host makes of equal things. */
const noticeable = 1.2;

function costs(container: WayReport, vm: WayReport): string[] {
  const parts: string[] = [];
  const start = difference(container, vm, "first-output") ?? difference(container, vm, "start");
  if (start !== undefined) parts.push(`${signed(start, 0)} ms until it answers`);
  const memory = difference(container, vm, "memory");
  if (memory !== undefined) parts.push(`${signed(memory, 1)} MiB of memory`);
  const slower = (name: MetricName, what: string, lessIsBetter: boolean): void => {
    const value = ratio(container, vm, name, lessIsBetter);
    if (value !== undefined && value >= noticeable)
      parts.push(`${what} ${value.toFixed(value < 10 ? 1 : 0)} times as costly`);
  };
  slower("processor", "computing", false);
  slower("syscall", "system calls", true);
  slower("file-sync", "syncing a file", true);
  slower("network-latency", "network round trips", true);
  return parts.length === 0
    ? []
    : [`The VM costs, against the container on this host: ${parts.join(", ")}.`];
}

function gains(native: WayReport | undefined, container: WayReport, vm: WayReport): string[] {
  const host = native?.facts;
  if (host === null || host === undefined || container.facts === null || vm.facts === null)
    return [];
  const own = vm.facts.boot !== host.boot;
  const shared = container.facts.boot === host.boot;
  const parts: string[] = [];
  if (own) parts.push(`a kernel of its own (${vm.facts.kernel}; the host runs ${host.kernel})`);
  if (shared) {
    parts.push(
      `where root in the container makes its system calls to the host's kernel and opens ${container.facts.reaches.length} of its doors probed, ` +
        `root in the VM reaches ${own ? "only its guest's" : "the host's, too"}`,
    );
  }
  return parts.length === 0 ? [] : [`The VM gives ${parts.join("; ")}.`];
}

/** Above this, computing runs under emulation and not on the processor itself. */
const emulatedRatio = 3;

function choice(container: WayReport, vm: WayReport): string[] {
  const start = difference(container, vm, "first-output") ?? difference(container, vm, "start");
  const computing = ratio(container, vm, "processor", false);
  const emulated = computing !== undefined && computing > emulatedRatio;
  const lines: string[] = [];
  const price =
    start === undefined
      ? "its start-up"
      : start <= 0
        ? "no longer start"
        : `${start.toFixed(0)} ms more at start`;
  lines.push(
    `Choose vm when the code is not yours or must not meet the host's kernel, and ${price} is fine.`,
  );
  lines.push(
    emulated
      ? `Choose container when it computes for long: this host has no usable hardware virtualization, and a VM computes ${computing.toFixed(0)} times slower.`
      : "Choose container when many short-lived copies of trusted code must fit into little memory.",
  );
  return lines;
}

function difference(container: WayReport, vm: WayReport, name: MetricName): number | undefined {
  const [left, right] = [container.metrics[name]?.median, vm.metrics[name]?.median];
  return left === undefined || right === undefined ? undefined : right - left;
}

/** How many times as costly in the VM. */
function ratio(
  container: WayReport,
  vm: WayReport,
  name: MetricName,
  lessIsBetter: boolean,
): number | undefined {
  const [left, right] = [container.metrics[name]?.median, vm.metrics[name]?.median];
  if (left === undefined || right === undefined || left === 0 || right === 0) return undefined;
  return lessIsBetter ? right / left : left / right;
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
}

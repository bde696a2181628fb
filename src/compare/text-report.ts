import { metrics, type Comparison, type Facts, type WayReport } from "./comparison.ts";
import type { Summary } from "./statistics.ts";

/** Columns of a line, to be aligned by the caller; an empty list is an empty line. */
export type Row = readonly string[];

/** A number with three significant digits, thousands kept whole. */
export function amount(value: number): string {
  if (value === 0) return "0";
  if (Math.abs(value) >= 1_000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(3)));
}

/** `12.3 (11.9–13.0, p99 14.1)`. */
export function summaryText(summary: Summary | undefined): string {
  if (summary === undefined) return "–";
  const [low, high] = summary.quartiles;
  if (summary.count === 1) return amount(summary.median);
  return `${amount(summary.median)} (${amount(low)}–${amount(high)}, p99 ${amount(summary.p99)})`;
}

/** Header and a line per metric that any way has. */
export function metricRows(comparison: Comparison): Row[] {
  const shown = metrics.filter(({ name }) =>
    comparison.reports.some((report) => report.metrics[name] !== undefined),
  );
  return [
    [
      "METRIC",
      "UNIT",
      ...comparison.reports.map((report) => report.way.toUpperCase()),
      "VM/CONTAINER",
    ],
    ...shown.map(({ name, label, unit }) => [
      label,
      unit,
      ...comparison.reports.map((report) => summaryText(report.metrics[name])),
      ratioText(comparison, name),
    ]),
  ];
}

function ratioText(comparison: Comparison, name: (typeof metrics)[number]["name"]): string {
  const median = (way: string): number | undefined =>
    comparison.reports.find((report) => report.way === way)?.metrics[name]?.median;
  const [container, vm] = [median("container"), median("vm")];
  return container === undefined || vm === undefined || container === 0
    ? "–"
    : `${amount(vm / container)}×`;
}

const factRows: readonly (readonly [string, (facts: Facts, host: Facts | null) => string])[] = [
  ["kernel it runs on", (facts) => facts.kernel],
  [
    "is it the host's kernel?",
    (facts, host) => (host === null ? "?" : facts.boot === host.boot ? "yes" : "no, its own"),
  ],
  ["PID 1", (facts) => facts.pid1],
  ["its own PID", (facts) => String(facts.ownPid)],
  ["processes it sees", (facts) => number(facts.processes)],
  ["devices in /dev", (facts) => number(facts.devices)],
  ["cgroup entries", (facts) => number(facts.cgroupEntries)],
  ["kernel modules it sees", (facts) => number(facts.kernelModules)],
  ["network interfaces", (facts) => number(facts.interfaces)],
  ["namespaces of its own", (facts, host) => namespacesText(facts, host)],
  ["capabilities of root", (facts) => facts.capabilities],
  ["system call filter", (facts) => (facts.seccomp === "2" ? "yes" : "no")],
  ["doors of that kernel root opens", (facts) => String(facts.reaches.length)],
];

function number(value: number): string {
  return value < 0 ? "–" : String(value);
}

/** Which namespaces differ from the host's; in another kernel the question has no meaning. */
function namespacesText(facts: Facts, host: Facts | null): string {
  if (host === null) return "?";
  if (facts.boot !== host.boot) return "another kernel's";
  const own = Object.entries(facts.namespaces).filter(([kind, id]) => host.namespaces[kind] !== id);
  return own.length === 0 ? "none" : own.map(([kind]) => kind).join(" ");
}

/** Header and a line per fact. */
export function isolationRows(comparison: Comparison): Row[] {
  const host = comparison.reports.find((report) => report.way === "native")?.facts ?? null;
  return [
    ["SEEN FROM INSIDE", ...comparison.reports.map((report) => report.way.toUpperCase())],
    ...factRows.map(([label, show]) => [
      label,
      ...comparison.reports.map((report) =>
        report.facts === null ? "–" : show(report.facts, host),
      ),
    ]),
  ];
}

/** Which doors to its kernel a root user could open, a line per way. */
export function doorLines(reports: readonly WayReport[]): string[] {
  return reports.flatMap(({ way, facts }) =>
    facts === null || facts.reaches.length === 0 ? [] : [`${way}: ${facts.reaches.join(" ")}`],
  );
}

/** `native: workload: this host has no nginx`. */
export function missingLines(reports: readonly WayReport[]): string[] {
  return reports.flatMap((report) =>
    Object.entries(report.missing).map(([what, reason]) => `${report.way}: ${what}: ${reason}`),
  );
}

/** What was compared, where and how often. */
export function headline(comparison: Comparison): string {
  const { image, command, host, runs, rounds, service } = comparison;
  const kind = service ? " (a service: stopped after its first output)" : "";
  return `${image}: ${command.join(" ")}${kind} · ${runs} runs and ${rounds} probe samples each way · ${host.processors} × ${host.processor.trim()}, Linux ${host.kernel}`;
}

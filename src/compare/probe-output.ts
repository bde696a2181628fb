import { metrics, type Facts, type MetricName } from "./comparison.ts";
import type { Samples } from "./samples.ts";

const names = new Set<string>(metrics.map((metric) => metric.name));

type Line = Readonly<Record<string, unknown>>;

/**
 * Takes the probe's lines into `samples`. The workload may be hostile: lines that are not the
 * probe's are passed over, texts are cut, values must be finite.
 */
export function readProbeOutput(text: string, samples: Samples): void {
  const texts = new Map<string, string>();
  const numbers = new Map<string, number>();
  const reaches: string[] = [];
  for (const line of text.split("\n").slice(0, maximumLines)) {
    const value = parseLine(line);
    if (value === null) continue;
    const { metric, fact, missing } = value;
    if (typeof metric === "string" && names.has(metric) && isAmount(value["value"])) {
      samples.add(metric as MetricName, value["value"]);
    } else if (typeof missing === "string") {
      samples.miss(missing.slice(0, 64), String(value["reason"]).slice(0, 200));
    } else if (fact === "reaches") reaches.push(String(value["text"]).slice(0, 100));
    else if (typeof fact === "string" && typeof value["text"] === "string") {
      texts.set(fact, value["text"].slice(0, 200));
    } else if (typeof fact === "string" && isAmount(value["number"]))
      numbers.set(fact, value["number"]);
  }
  if (texts.has("kernel")) samples.facts = factsOf(texts, numbers, reaches);
  if (!texts.has("done")) samples.miss("probe", "the probe did not come to its end");
}

const maximumLines = 10_000;

function parseLine(line: string): Line | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Line) : null;
  } catch {
    return null;
  }
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function factsOf(
  texts: ReadonlyMap<string, string>,
  numbers: ReadonlyMap<string, number>,
  reaches: readonly string[],
): Facts {
  const namespaces = [...texts].filter(([name]) => name.startsWith("namespace-"));
  return {
    kernel: texts.get("kernel") ?? "",
    boot: texts.get("boot") ?? "",
    pid1: texts.get("pid1") ?? "",
    ownPid: numbers.get("own-pid") ?? -1,
    user: numbers.get("user") ?? -1,
    processes: numbers.get("processes") ?? -1,
    devices: numbers.get("devices") ?? -1,
    cgroupEntries: numbers.get("cgroup-entries") ?? -1,
    kernelModules: numbers.get("kernel-modules") ?? -1,
    interfaces: numbers.get("interfaces") ?? -1,
    namespaces: Object.fromEntries(
      namespaces.map(([name, id]) => [name.slice("namespace-".length), id]),
    ),
    capabilities: texts.get("capabilities") ?? "",
    seccomp: texts.get("seccomp") ?? "",
    reaches,
  };
}

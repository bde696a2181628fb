/** One sample as Prometheus's text format, version 0.0.4, has it. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly type: string;
  readonly help: string;
  readonly samples: readonly ParsedSample[];
}

const metricName = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const labelName = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Reads the format strictly: each family once with HELP and TYPE before its samples, no sample twice,
 * histograms that add up. Throws an Error that names the line.
 */
export function parseExposition(text: string): ReadonlyMap<string, ParsedFamily> {
  if (!text.endsWith("\n")) throw new Error("the last line is not ended");
  const families = new Map<string, { type: string; help: string; samples: ParsedSample[] }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line);
    if (comment !== null) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") {
        if (families.has(name)) throw new Error(`twice: ${line}`);
        families.set(name, { type: "", help: rest, samples: [] });
        current = name;
      } else {
        if (name !== current) throw new Error(`TYPE without HELP: ${line}`);
        families.get(name)!.type = rest;
      }
      continue;
    }
    const sample = parseSample(line);
    const family = families.get(current);
    if (family === undefined || !belongs(sample.name, current, family.type))
      throw new Error(`a sample of another family: ${line}`);
    const key = line.slice(0, line.lastIndexOf(" "));
    if (seen.has(key)) throw new Error(`a sample twice: ${line}`);
    seen.add(key);
    family.samples.push(sample);
  }
  for (const [name, family] of families) {
    if (family.samples.length === 0) throw new Error(`${name} has no samples`);
    if (family.type === "histogram") checkHistogram(name, family.samples);
    else if (family.type === "counter") checkCounter(name, family.samples);
    else if (family.type !== "gauge") throw new Error(`${name} is of type ${family.type}`);
  }
  return families;
}

function belongs(name: string, family: string, type: string): boolean {
  if (type !== "histogram") return name === family;
  return ["_bucket", "_sum", "_count"].some((suffix) => name === family + suffix);
}

function parseSample(line: string): ParsedSample {
  const match = /^([^\s{]+)(?:\{(.*)\})? (\S+)$/s.exec(line);
  const [, name = "", pairs = "", number = ""] = match ?? [];
  if (!metricName.test(name)) throw new Error(`no sample: ${line}`);
  const value = number === "+Inf" ? Infinity : number === "-Inf" ? -Infinity : Number(number);
  if (Number.isNaN(value) && number !== "NaN") throw new Error(`no number: ${line}`);
  return { name, labels: parseLabels(pairs, line), value };
}

function parseLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let rest = text;
  while (rest !== "") {
    const match = /^([^=]+)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(?:,|$)/.exec(rest);
    if (match === null || !labelName.test(match[1]!)) throw new Error(`broken labels: ${line}`);
    if (Object.hasOwn(labels, match[1]!)) throw new Error(`a label twice: ${line}`);
    labels[match[1]!] = match[2]!.replaceAll(/\\(.)/g, (_, mark: string) =>
      mark === "n" ? "\n" : mark,
    );
    rest = rest.slice(match[0].length);
  }
  return labels;
}

function checkCounter(name: string, samples: readonly ParsedSample[]): void {
  if (!name.endsWith("_total")) throw new Error(`${name} is a counter without _total`);
  if (samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} is below zero`);
}

function checkHistogram(name: string, samples: readonly ParsedSample[]): void {
  const series = new Map<string, { last: number; top: number; count: number }>();
  for (const { name: own, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    const known = series.get(key) ?? { last: 0, top: Number.NaN, count: Number.NaN };
    if (own.endsWith("_bucket")) {
      if (value < known.last) throw new Error(`${name} ${key}: buckets go down at ${le}`);
      known.last = value;
      if (le === "+Inf") known.top = value;
    }
    if (own.endsWith("_count")) known.count = value;
    series.set(key, known);
  }
  for (const [key, { top, count }] of series) {
    if (top !== count) throw new Error(`${name} ${key}: ${top} in the buckets of ${count}`);
  }
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { adviseOn } from "../../src/compare/advice.ts";
import type { Comparison, Way } from "../../src/compare/comparison.ts";
import { htmlReport } from "../../src/compare/html-report.ts";
import { readProbeOutput } from "../../src/compare/probe-output.ts";
import { Samples } from "../../src/compare/samples.ts";
import { summarize } from "../../src/compare/statistics.ts";
import { metricRows } from "../../src/compare/text-report.ts";

test("a summary has the median, the spread and the ninety-ninth percentile", () => {
  const summary = summarize([5, 1, 3, 2, 4])!;
  assert.equal(summary.median, 3);
  assert.deepEqual(summary.quartiles, [2, 4]);
  assert.ok(summary.p99 > 4.9 && summary.p99 <= 5);
  assert.equal(summarize([]), undefined);
});

test("what a hostile workload prints in the probe's place is passed over or cut", () => {
  const samples = new Samples("vm");
  const lines = [
    '{"metric":"syscall","value":100,"unit":"ns"}',
    '{"metric":"__proto__","value":1}',
    '{"metric":"syscall","value":"many"}',
    '{"metric":"syscall","value":1e999}',
    "not JSON",
    "null",
    `{"fact":"kernel","text":"${"k".repeat(10_000)}"}`,
    '{"fact":"done","text":""}',
  ];
  readProbeOutput(lines.join("\n"), samples);
  const report = samples.report();
  assert.deepEqual(report.metrics.syscall?.values, [100]);
  assert.equal(report.facts?.kernel.length, 200);
  assert.deepEqual(Object.keys(report.metrics), ["syscall"]);
});

function comparison(image: string): Comparison {
  const samplesOf = (way: Way, factor: number, boot: string): Samples => {
    const samples = new Samples(way);
    for (const value of [10, 11, 12]) samples.add("first-output", value * factor);
    samples.add("processor", 400 / factor);
    readProbeOutput(
      `{"fact":"kernel","text":"6.${factor}"}\n{"fact":"boot","text":"${boot}"}\n{"fact":"done","text":""}`,
      samples,
    );
    return samples;
  };
  const all = [
    samplesOf("native", 1, "host"),
    samplesOf("container", 2, "host"),
    samplesOf("vm", 20, "guest"),
  ];
  const reports = all.map((samples) => samples.report());
  return {
    image,
    command: ["true"],
    runs: 3,
    rounds: 1,
    service: false,
    measuredAt: "2026-01-01T00:00:00Z",
    host: { kernel: "6.1", processor: "cpu", processors: 2, memory: 1 },
    daemon: { version: "1", runtimes: [] },
    reports,
    advice: adviseOn(reports),
  };
}

test("the advice follows from the numbers", () => {
  const text = comparison("x").advice.join("\n");
  assert.match(text, /\+198 ms until it answers/);
  assert.match(text, /a kernel of its own \(6\.20; the host runs 6\.1\)/);
  assert.match(text, /no usable hardware virtualization, and a VM computes 10 times slower/);
  assert.deepEqual(adviseOn([]), []);
});

test("without numbers there is the reason in the advice's place", () => {
  const vm = new Samples("vm");
  vm.miss("workload", "it did not start");
  const [line] = adviseOn([new Samples("container").report(), vm.report()]);
  assert.match(line!, /no advice: vm: workload: it did not start/);
});

test("the table has a line for each metric and a column for each way", () => {
  const [head, ...rows] = metricRows(comparison("x"));
  assert.deepEqual(head, ["METRIC", "UNIT", "NATIVE", "CONTAINER", "VM", "VM/CONTAINER"]);
  assert.deepEqual(
    rows.map((row) => row[0]),
    ["time to first output", "integer speed"],
  );
  assert.equal(rows[0]!.at(-1), "10×");
});

test("the HTML file fetches nothing, runs nothing and escapes names", () => {
  const html = htmlReport(comparison("<script>alert(1)</script>"));
  assert.doesNotMatch(html, /<script/i);
  assert.doesNotMatch(html, /(src|href)=/);
  assert.match(html, /default-src 'none'/);
  assert.equal((html.match(/<svg/g) ?? []).length, 2);
});

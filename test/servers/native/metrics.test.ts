import assert from "node:assert/strict";
import fc from "fast-check";
import { test } from "node:test";
import { PullTally } from "../../../src/engine/images/pull-tally.ts";
import { Exposition } from "../../../src/servers/native/metrics/exposition.ts";
import { RunningServer } from "../docker/running-server.ts";
import { parseExposition } from "./parse-exposition.ts";

test("labels of any text come back as they were, and never become another line", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 150 }), fc.double(), (text, value) => {
      const exposition = new Exposition();
      exposition.add("x", "gauge", "A figure.", [{ labels: { a: text, b: "plain" }, value }]);
      const [sample] = parseExposition(exposition.toString()).get("x")!.samples;
      assert.deepEqual(sample!.labels, { a: text.slice(0, 200).toWellFormed(), b: "plain" });
      assert.ok(Object.is(sample!.value, value) || sample!.value === value);
    }),
  );
  const long = new Exposition();
  long.add("x", "gauge", "A figure.", [{ labels: { a: "ü".repeat(10_000) }, value: 1 }]);
  assert.ok(long.toString().length < 300);
});

test("figures of the engine, of requests and of each workload are told in Prometheus's format", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"], { HostConfig: { Isolation: "vm" } });
  await server.post(`/containers/${id}/start`);
  await server.create(["true"]);
  await server.call("/nowhere/at/all");
  await server.call("/containers/nobody/json");
  const answer = await server.call("/metrics");
  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  const families = parseExposition(answer.body);
  const value = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
    families
      .get(name)
      ?.samples.find((sample) =>
        Object.entries(labels).every(([key, text]) => sample.labels[key] === text),
      )?.value;
  assert.equal(value("duet_build_info", { version: "0.1.0", api_version: "1.51" }), 1);
  assert.equal(value("duet_containers", { isolation: "vm", state: "running" }), 1);
  assert.equal(value("duet_containers", { isolation: "container", state: "created" }), 1);
  assert.equal(value("duet_pool_waiting", { isolation: "vm" }), 2);
  assert.equal(value("duet_machines_used_total", { isolation: "vm" }), 3);
  const inspect = { method: "GET", route: "/containers/{id}/json", code: "404" };
  assert.equal(value("duet_api_requests_total", inspect), 1);
  assert.equal(value("duet_api_requests_total", { route: "none", code: "404" }), 1);
  assert.ok(!answer.body.includes("nowhere"));
  assert.ok((value("process_resident_memory_bytes") ?? 0) > 0);
  const own = { id: id.slice(0, 12), image: "busybox", isolation: "vm" };
  assert.equal(value("duet_workload_memory_usage_bytes", own), 50 << 20);
  assert.equal(
    value("duet_workload_network_received_bytes_total", { ...own, interface: "eth0" }),
    10,
  );
  assert.equal(value("duet_workload_state", { ...own, state: "running" }), 1);
  assert.equal(value("duet_workload_restarts_total", own), 0);
  assert.equal(families.get("duet_workload_memory_usage_bytes")!.samples.length, 1);
});

test("what pulls took is told by phase and by what came of them, never by what was pulled", async () => {
  await using server = await RunningServer.start();
  const tally = new PullTally();
  tally.spend("download", 1_500, 3_000);
  tally.spend("download", 500, 1_000);
  tally.spend("verify", 20, 4_000);
  tally.layer("registry");
  server.engine.pullFigures.add(tally.timings(), "new");
  server.engine.pullFigures.add(new PullTally().timings(), "failed");
  const families = parseExposition((await server.call("/metrics")).body);
  const value = (family: string, labels: Readonly<Record<string, string>>, suffix = ""): unknown =>
    families
      .get(family)
      ?.samples.find(
        ({ name, labels: own }) =>
          name === `${family}${suffix}` &&
          Object.entries(labels).every(([key, text]) => own[key] === text),
      )?.value;
  const seconds = "duet_pull_phase_seconds";
  assert.equal(value(seconds, { phase: "download" }, "_sum"), 2);
  assert.equal(value(seconds, { phase: "download", le: "1" }, "_bucket"), 1);
  assert.equal(value(seconds, { phase: "download", le: "2.5" }, "_bucket"), 2);
  assert.equal(value(seconds, { phase: "download", le: "+Inf" }, "_bucket"), 2);
  assert.equal(value("duet_pull_phase_bytes_total", { phase: "download" }), 4_000);
  assert.equal(value("duet_pull_phase_bytes_total", { phase: "verify" }), 4_000);
  assert.equal(value("duet_pull_duration_seconds", { outcome: "new" }, "_count"), 1);
  assert.equal(value("duet_pull_duration_seconds", { outcome: "failed" }, "_count"), 1);
  assert.equal(value("duet_pull_layers_total", { source: "registry" }), 1);
  const pulls = [...families].filter(([name]) => name.startsWith("duet_pull_"));
  const labels = pulls.flatMap(([, { samples }]) =>
    samples.flatMap((one) => Object.keys(one.labels)),
  );
  assert.deepEqual([...new Set(labels)].toSorted(), ["le", "outcome", "phase", "source"]);
});

test("scrapers that come at once are all answered, and each request is counted once", async () => {
  await using server = await RunningServer.start();
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.call("/metrics")));
  for (const { body } of answers) parseExposition(body);
  const last = parseExposition((await server.call("/metrics")).body);
  const counted = last
    .get("duet_api_requests_total")!
    .samples.find((sample) => sample.labels["route"] === "/metrics");
  assert.equal(counted!.value, 20);
});

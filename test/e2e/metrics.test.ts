import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExposition, type ParsedSample } from "../servers/native/parse-exposition.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";

test("containers and machines tell the same figures of themselves, and none once they are gone", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const names = { container: "in-container", vm: "in-machine" };
  for (const [isolation, name] of Object.entries(names)) {
    const check = ["--health-cmd", "true", "--health-interval", "1s"];
    await daemon.docker(
      "run",
      "-d",
      "--name",
      name,
      `--isolation=${isolation}`,
      ...check,
      "busybox",
      "sleep",
      "600",
    );
  }
  const scrape = async (): Promise<readonly ParsedSample[]> =>
    [...parseExposition(await daemon.request("GET", "/metrics").body).values()].flatMap(
      ({ samples }) => samples,
    );
  await daemon.eventually(async () => {
    const healthy = (await scrape()).filter(({ labels }) => labels["health"] === "healthy");
    return healthy.length === 2;
  });
  const samples = await scrape();
  for (const [isolation, name] of Object.entries(names)) {
    const own = samples.filter(({ labels }) => labels["name"] === name);
    const value = (figure: string): number =>
      own.find((sample) => sample.name === `duet_workload_${figure}`)?.value ?? -1;
    assert.ok(own.every(({ labels }) => labels["isolation"] === isolation));
    for (const figure of [
      "cpu_seconds_total",
      "memory_usage_bytes",
      "memory_limit_bytes",
      "processes",
    ])
      assert.ok(value(figure) > 0, `${figure} of ${name}: ${value(figure)}`);
    for (const figure of [
      "block_read_bytes_total",
      "network_received_bytes_total",
      "restarts_total",
    ])
      assert.ok(value(figure) >= 0, `${figure} of ${name}: ${value(figure)}`);
  }
  await daemon.docker("rm", "-f", ...Object.values(names));
  const gone = await scrape();
  assert.ok(!gone.some(({ name }) => name.startsWith("duet_workload_")), JSON.stringify(gone));
});

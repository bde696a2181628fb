import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerRecord } from "../../src/domain/container.ts";
import { logAttributes } from "../../src/domain/log-attributes.ts";

function attributes(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const record = {
    spec: { logging: { driver: "", options } },
    resolved: { labels: { team: "a", tier: "b", other: "c" }, env: ["PATH=/bin", "TZ=UTC"] },
  };
  return Object.fromEntries(logAttributes(record as unknown as ContainerRecord));
}

test("labels and variables of a log are chosen by name and by pattern", () => {
  assert.deepEqual(attributes({ labels: "team,none", env: "TZ" }), { team: "a", TZ: "UTC" });
  assert.deepEqual(attributes({ "labels-regex": "^t", "env-regex": "" }), { team: "a", tier: "b" });
  assert.deepEqual(attributes({ "env-regex": "(?i)path" }), { PATH: "/bin" });
});

test("a pattern of a log's that cannot be read is refused, and chooses not just nothing", () => {
  for (const option of ["labels-regex", "env-regex"]) {
    for (const pattern of ["(", "(?=path)", "x".repeat(1_000)]) {
      const message = /^error parsing regexp: /;
      assert.throws(() => attributes({ [option]: pattern }), { class: "invalid", message });
    }
  }
});

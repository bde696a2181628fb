import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthState } from "../../src/domain/health.ts";
import type { Healthcheck } from "../../src/domain/image.ts";
import { healthPlan, nextDelay, withResult } from "../../src/engine/health/plan.ts";

const check: Healthcheck = {
  test: ["CMD", "true"],
  interval: 0,
  timeout: 0,
  startPeriod: 0,
  startInterval: 0,
  retries: 0,
};
const planOf = (changes: Partial<Healthcheck>, shell: readonly string[] | null = null) =>
  healthPlan({ healthcheck: { ...check, ...changes }, shell });
const starting: HealthState = { status: "starting", failingStreak: 0, log: [] };
const result = (exitCode: number, start = 0) => ({ start, end: start + 1, exitCode, output: "" });

test("a check without times gets Docker's", () => {
  assert.deepEqual(planOf({}), {
    argv: ["true"],
    interval: 30_000,
    timeout: 30_000,
    startPeriod: 0,
    startInterval: 5_000,
    retries: 3,
  });
});

test("a shell's check is run by the container's shell, and what is no check by nothing", () => {
  assert.deepEqual(planOf({ test: ["CMD-SHELL", "a b"] })?.argv, ["/bin/sh", "-c", "a b"]);
  assert.deepEqual(planOf({ test: ["CMD-SHELL", "a b"] }, ["ash"])?.argv, ["ash", "a b"]);
  for (const test of [[], ["NONE"], ["CMD"], ["OTHER", "x"]]) {
    assert.equal(planOf({ test }), undefined);
  }
  assert.equal(healthPlan({ healthcheck: null, shell: null }), undefined);
});

test("failures within the start period do not count, until a check has passed", () => {
  const plan = planOf({ startPeriod: 10e9, retries: 2 })!;
  const early = withResult(plan, starting, result(1, 5_000), 0);
  assert.deepEqual([early.status, early.failingStreak, early.log.length], ["starting", 0, 1]);
  const passed = withResult(plan, early, result(0, 6_000), 0);
  const failed = withResult(plan, passed, result(1, 7_000), 0);
  assert.deepEqual([failed.status, failed.failingStreak], ["healthy", 1]);
  const again = withResult(plan, failed, result(-1, 8_000), 0);
  assert.deepEqual([again.status, again.failingStreak], ["unhealthy", 2]);
  assert.equal(withResult(plan, again, result(0), 0).status, "healthy");
});

test("a check that fails from the start on makes a container unhealthy, and five results are kept", () => {
  const plan = planOf({})!;
  let state = starting;
  const seen: string[] = [];
  for (let run = 0; run < 7; run += 1) {
    state = withResult(plan, state, result(1, run), 0);
    seen.push(state.status);
  }
  assert.deepEqual(seen.slice(0, 3), ["starting", "starting", "unhealthy"]);
  assert.deepEqual(
    state.log.map(({ start }) => start),
    [2, 3, 4, 5, 6],
  );
});

test("checks come by the start interval while the start period lasts", () => {
  const plan = planOf({ startPeriod: 10e9, startInterval: 1e9, interval: 20e9 })!;
  assert.equal(nextDelay(plan, starting, 0, 9_999), 1_000);
  assert.equal(nextDelay(plan, starting, 0, 10_000), 20_000);
  assert.equal(nextDelay(plan, { ...starting, status: "healthy" }, 0, 1), 20_000);
});

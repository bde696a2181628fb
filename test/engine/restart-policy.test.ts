import assert from "node:assert/strict";
import { test } from "node:test";
import { containerStates, type ContainerRecord } from "../../src/domain/container.ts";
import { countRestart, wantsRestart } from "../../src/engine/containers/restart-policy.ts";
import { inventName } from "../../src/engine/containers/names.ts";
import { parseSignal } from "../../src/kit/signal-number.ts";
import { nextState } from "../../src/kit/state-table.ts";

function record(name: string, changes: Partial<ContainerRecord> = {}, maximumRetries = 0) {
  return {
    spec: { lifecycle: { restart: { name, maximumRetries } } },
    restartCount: 0,
    stoppedByUser: false,
    startedAt: 1_000,
    finishedAt: 2_000,
    ...changes,
  } as ContainerRecord;
}

const exit = (code: number) => ({ code, outOfMemory: false, exitedAt: 0 });

test("a policy restarts after the ends that Docker restarts after", () => {
  assert.equal(wantsRestart(record("no"), exit(1)), false);
  assert.equal(wantsRestart(record("always"), exit(0)), true);
  assert.equal(wantsRestart(record("always", { stoppedByUser: true }), exit(0)), false);
  assert.equal(wantsRestart(record("unless-stopped"), exit(0)), true);
  assert.equal(wantsRestart(record("on-failure"), exit(0)), false);
  assert.equal(wantsRestart(record("on-failure", { restartCount: 99 }), exit(1)), true);
  assert.equal(wantsRestart(record("on-failure", { restartCount: 1 }, 2), exit(1)), true);
  assert.equal(wantsRestart(record("on-failure", { restartCount: 2 }, 2), exit(1)), false);
});

test("delays double from 100 ms to a minute, and begin anew after ten steady seconds", () => {
  const quick = { ...record("always"), startedAt: 1_000 };
  let counted = countRestart(quick, 1_000 + 9_999);
  const delays = [counted.restartDelay];
  for (let end = 1; end < 12; end += 1) {
    counted = countRestart(Object.assign(quick, counted), 1_000 + 9_999);
    delays.push(counted.restartDelay);
  }
  const failing = Object.assign(quick, counted);
  assert.deepEqual(delays.slice(0, 3), [100, 200, 400]);
  assert.deepEqual(delays.slice(-3), [51_200, 60_000, 60_000]);
  assert.equal(failing.restartCount, 12);
  const steady = countRestart(failing, failing.startedAt + 10_000);
  assert.deepEqual(steady, { restartCount: 13, restartDelay: 100 });
});

test("a container that ended can be started and removed from every state that it may rest in", () => {
  for (const state of ["created", "exited"] as const) {
    assert.equal(nextState(containerStates, state, "start"), "starting");
    assert.equal(nextState(containerStates, state, "remove"), "removing");
  }
  assert.equal(nextState(containerStates, "running", "start"), undefined);
  assert.equal(nextState(containerStates, "paused", "exit"), "exited");
  assert.equal(nextState(containerStates, "restarting", "exit"), "exited");
});

test("invented names are free and valid, also when most are taken", () => {
  let refusals = 0;
  const name = inventName(() => (refusals += 1) < 20);
  assert.match(name, /^[a-z]+_[a-z]+\d+$/);
  assert.match(
    inventName(() => false),
    /^[a-z]+_[a-z]+$/,
  );
});

test("signals are read in each form that Docker reads", () => {
  assert.deepEqual(
    ["9", "KILL", "SIGKILL", "kill", "SIGRTMIN+3", "RTMAX-1"].map(parseSignal),
    [9, 9, 9, 9, 37, 63],
  );
  for (const bad of ["", "0", "65", "SIGNOPE", "RTMIN+99", "RTMIN-1", "1; reboot"]) {
    assert.throws(() => parseSignal(bad), { code: "SIGNAL" }, bad);
  }
});

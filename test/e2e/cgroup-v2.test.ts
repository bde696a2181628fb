import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { requireKernel } from "../../src/drivers/runtime-qemu/kernel.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { runInGuest } from "./guest-host/guest.ts";
import { parseReport, type GuestTest } from "./guest-host/report.ts";
import { endWords, profileParser } from "./guest-host/scripts.ts";

/** Three minutes of two processors; this much where many share them. */
const guestMilliseconds = 25 * 60_000;
/** Fewer tests than these mean that a suite did not run. */
const fewestTests = {
  ...{ crun: 50, runc: 20 },
  ...(existsSync(profileParser) ? { "crun under AppArmor": 5, "runc under AppArmor": 5 } : {}),
};

const kernel = await requireKernel().catch((error: unknown) => {
  if (isDuetError(error) && error.code === "NO_KERNEL") return undefined;
  throw error;
});
const skip = kernel === undefined ? "this host has no kernel for a guest" : false;

describe("a host with cgroup version 2 alone", { skip, timeout: guestMilliseconds * 1.1 }, () => {
  test("containers of crun and runc in a guest pass what they pass here", async (context) => {
    assert.ok(kernel !== undefined);
    const output = await runInGuest(kernel, AbortSignal.timeout(guestMilliseconds));
    const tests = parseReport(output);
    for (const one of tests) await context.test(`${one.suite}: ${one.name}`, () => hold(one));
    assert.ok(output.includes(`${endWords} 0`), `the guest did not end well: ${tail(output)}`);
    for (const [name, fewest] of Object.entries(fewestTests)) {
      const own = tests.filter(({ suite }) => suite === `runtime ${name}`);
      assert.ok(own.length >= fewest, `${own.length} tests of ${name}: ${tail(output)}`);
    }
  });
});

function hold({ passed, detail }: GuestTest): void {
  assert.ok(passed, detail);
}

function tail(output: string): string {
  return output.slice(-4000);
}

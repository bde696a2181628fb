import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { makePlace, type Place } from "./layers/outside.ts";
import { ownerOfTests } from "../e2e/owner.ts";

type Attack = (daemon: TestDaemon, place: Place, context: TestContext) => Promise<void>;

/**
 * A `test` whose cases share one daemon, which the first of them starts. Each case gets canaries of
 * its own outside of everything of Duet's, and fails where they were touched or the daemon no longer
 * answers; the file fails where the daemon leaves anything behind.
 */
export function attacks(flags = containersOnly): (name: string, attack: Attack) => void {
  const owner = ownerOfTests();
  let started: Promise<TestDaemon> | undefined;
  return (name, attack) => {
    test(name, async (context) => {
      started ??= TestDaemon.start(owner, { flags });
      const daemon = await started;
      const place = makePlace(context);
      await attack(daemon, place, context);
      place.check();
      assert.equal(await daemon.request("GET", "/_ping").body, "OK");
    });
  };
}

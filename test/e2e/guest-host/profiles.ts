import assert from "node:assert/strict";
import { test } from "node:test";
import { Collected, deadline, processSpec, type Wanted } from "../../suites/runtime/harness.ts";
import type { Bench } from "../../suites/runtime/suite.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { profileParser } from "./scripts.ts";

const own = "cat /proc/self/attr/current";
/** All walls but the profile are taken away. */
const open = { capAdd: ["SYS_ADMIN"], seccomp: "unconfined", maskedPaths: [], readonlyPaths: [] };

/** What a host with AppArmor does for containers. */
export function profileTests(bench: Bench): void {
  async function printed(script: string, security: Wanted["security"] = {}): Promise<string> {
    await using work = bench();
    const running = await work.run({ argv: ["sh", "-c", script], security });
    await running.workload.wait(deadline());
    await running.output.ended;
    return running.output.stdout + running.output.stderr;
  }

  test("a workload runs under the default profile, unless it asks for none or is privileged", async () => {
    assert.equal(await printed(own), "duet-default (enforce)\n");
    assert.equal(await printed(own, { apparmor: "docker-default" }), "duet-default (enforce)\n");
    assert.equal(await printed(own, { apparmor: "unconfined" }), "unconfined\n");
    assert.equal(await printed(own, { privileged: true }), "unconfined\n");
  });

  test("the profile lets nobody mount or change the kernel's settings, whatever else is allowed", async () => {
    const script = [
      "mount -t tmpfs none /tmp || echo no mount",
      "mount -o remount,rw /proc/sys 2>/dev/null",
      "echo 1 > /proc/sys/vm/overcommit_memory || echo no setting",
      "echo h > /proc/sysrq-trigger || echo no trigger",
      "echo fine > /tmp/file && cat /tmp/file && kill -0 $$ && echo signals",
    ].join("; ");
    const confined = await printed(script, open);
    for (const words of ["no mount", "no setting", "no trigger", "fine", "signals"])
      assert.ok(confined.includes(words), confined);
    const free = await printed("mount -t tmpfs none /tmp && echo mounted", {
      ...open,
      apparmor: "unconfined",
    });
    assert.equal(free, "mounted\n");
  });

  test("a further process runs under the workload's profile, and its end comes by a signal", async () => {
    await using work = bench();
    const { workload } = await work.run({ argv: ["sleep", "1000"] });
    const process = await workload.exec(processSpec(["sh", "-c", own]), deadline());
    const output = new Collected(process.streams);
    await process.wait(deadline());
    await output.ended;
    assert.equal(output.stdout, "duet-default (enforce)\n");
    await workload.signal(9, deadline());
    assert.equal((await workload.wait(deadline())).code, 137);
  });

  test("the default profile is loaded again where the host's tools took it away", async () => {
    assert.equal(await printed(own), "duet-default (enforce)\n");
    await run(profileParser, ["--remove"], {
      signal: deadline(),
      input: "profile duet-default {}",
    });
    assert.equal(await printed(own), "duet-default (enforce)\n");
  });

  test("a profile that the host does not have fails the start", async () => {
    await assert.rejects(printed(own, { apparmor: "no-such-profile" }));
  });
}

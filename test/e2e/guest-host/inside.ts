import { existsSync } from "node:fs";
import { describe } from "node:test";
import { makeOciHarness } from "../../drivers/runtime-oci/busybox-harness.ts";
import { limitTests } from "../../suites/runtime/limits.ts";
import { processTests } from "../../suites/runtime/processes.ts";
import { runtimeSuite, wholeSuite } from "../../suites/runtime/suite.ts";
import { machineCgroupTests } from "./machine-cgroup.ts";
import { profileTests } from "./profiles.ts";
import { profileParser } from "./scripts.ts";
import { unifiedTests } from "./unified.ts";

/*
 * What runs in the guest. crun, which hosts with version 2 get first, passes everything; of runc what
 * touches cgroups, for emulating its suite a second time takes minutes.
 */
const groups = {
  crun: [...wholeSuite, unifiedTests],
  runc: [processTests, limitTests, unifiedTests],
};

/** Most hosts run containers without a profile, and execs go another way there. */
const security = { apparmor: "unconfined" };

for (const [name, runtimePath] of [
  ["crun", "/usr/bin/crun"],
  ["runc", "/usr/sbin/runc"],
] as const) {
  runtimeSuite(name, () => makeOciHarness({ runtimePath, security }), groups[name]);
  if (existsSync(profileParser))
    runtimeSuite(`${name} under AppArmor`, () => makeOciHarness({ runtimePath }), [profileTests]);
}
describe("cgroup of a virtual machine", machineCgroupTests);

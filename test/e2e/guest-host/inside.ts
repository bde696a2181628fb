import { describe } from "node:test";
import { makeOciHarness } from "../../drivers/runtime-oci/busybox-harness.ts";
import { limitTests } from "../../suites/runtime/limits.ts";
import { processTests } from "../../suites/runtime/processes.ts";
import { runtimeSuite, wholeSuite } from "../../suites/runtime/suite.ts";
import { machineCgroupTests } from "./machine-cgroup.ts";
import { unifiedTests } from "./unified.ts";

/*
 * What runs in the guest. crun, which hosts with version 2 get first, passes everything; of runc what
 * touches cgroups, for emulating its suite a second time takes minutes.
 */
const groups = {
  crun: [...wholeSuite, unifiedTests],
  runc: [processTests, limitTests, unifiedTests],
};

runtimeSuite("crun", () => makeOciHarness({ runtimePath: "/usr/bin/crun" }), groups.crun);
runtimeSuite("runc", () => makeOciHarness({ runtimePath: "/usr/sbin/runc" }), groups.runc);
describe("cgroup of a virtual machine", machineCgroupTests);

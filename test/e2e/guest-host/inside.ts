import { describe } from "node:test";
import { makeOciHarness } from "../../drivers/runtime-oci/busybox-harness.ts";
import { runtimeSuite } from "../../suites/runtime/suite.ts";
import { machineCgroupTests } from "./machine-cgroup.ts";
import { runtimes } from "./runtimes.ts";
import { unifiedTests } from "./unified.ts";

/* What runs in the guest. */
for (const { name, path } of runtimes) {
  runtimeSuite(name, () => makeOciHarness({ runtimePath: path }), unifiedTests);
}
describe("cgroup of a virtual machine", machineCgroupTests);

import { runtimeSuite } from "../../suites/runtime/suite.ts";
import { makeOciHarness } from "./busybox-harness.ts";

runtimeSuite("oci", () => makeOciHarness());

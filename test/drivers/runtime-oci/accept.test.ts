import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HostAbilities } from "../../../src/drivers/runtime-oci/abilities.ts";
import { readAbilities } from "../../../src/drivers/runtime-oci/abilities.ts";
import { acceptLimits } from "../../../src/drivers/runtime-oci/accept.ts";
import { readCgroupHost } from "../../../src/drivers/runtime-oci/cgroup.ts";
import { resolveDevices } from "../../../src/drivers/runtime-oci/devices.ts";
import { resolveUlimits } from "../../../src/drivers/runtime-oci/ulimits.ts";
import { limitWarnings } from "../../../src/engine/system/limit-warnings.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { noLimits, usualSecurity } from "../../suites/runtime/harness.ts";

const able: HostAbilities = {
  version: 1,
  ...{ memory: true, swap: true, reservation: true, swappiness: true, oomKillDisable: true },
  ...{ pids: true, shares: true, quota: true, realtime: true, cpuset: true },
  ...{ blockWeight: true, blockDeviceWeight: true, blockRates: true },
  ...{ cpus: "0-1,4", memoryNodes: "0" },
  apparmor: false,
  ceilings: {},
  lowestOomScore: -1000,
};
const readRate = { kind: "readBytes", path: "/dev/vda", value: 1 << 20 } as const;

describe("limits on a host that has less", () => {
  test("are dropped with Docker's warning, and are gone from what is kept", () => {
    const asked = {
      ...noLimits,
      ...{ memory: 8 << 20, memorySwappiness: 5, oomKillDisable: true, blkioWeight: 300 },
      blockDevices: [readRate],
    };
    const host = {
      ...able,
      ...{ swap: false, swappiness: false, oomKillDisable: false },
      ...{ blockWeight: false, blockRates: false },
    };
    const { resources, warnings } = acceptLimits(asked, host);
    assert.deepEqual(warnings, [
      "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.",
      "Your kernel does not support memory swappiness capabilities or the cgroup is not mounted. Memory swappiness discarded.",
      "Your kernel does not support OomKillDisable. OomKillDisable discarded.",
      "Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.",
      "Your kernel does not support BPS Block I/O read limit or the cgroup is not mounted. Block I/O BPS read limit discarded.",
    ]);
    assert.deepEqual(
      [resources.memorySwap, resources.memorySwappiness, resources.oomKillDisable],
      [-1, null, false],
    );
    assert.deepEqual([resources.blkioWeight, resources.blockDevices], [0, []]);
  });

  test("stay as they are, without a word, where the host can do it all", () => {
    const asked = {
      ...noLimits,
      memory: 8 << 20,
      cpuRealtimePeriod: 1_000,
      blockDevices: [readRate],
    };
    assert.deepEqual(acceptLimits(asked, able), { resources: asked, warnings: [] });
  });

  test("processors and memory nodes that are not there are refused, without expanding a range", () => {
    acceptLimits({ ...noLimits, cpusetCpus: "0,1,4", cpusetMems: "0" }, able);
    for (const cpusetCpus of ["0-4", "3", "0-8191"]) {
      assert.throws(
        () => acceptLimits({ ...noLimits, cpusetCpus }, able),
        (error) =>
          isDuetError(error, "invalid") &&
          error.message ===
            `Requested CPUs are not available - requested ${cpusetCpus}, available: 0-1,4`,
      );
    }
  });

  test("hard limits and OOM scores beyond this host's are lessened, and said so", () => {
    const host = { ...able, ceilings: { nofile: 4096 }, lowestOomScore: 0 };
    const asked = {
      ...noLimits,
      oomScoreAdjust: -500,
      ulimits: [
        { name: "nofile", soft: 9_000, hard: -1 },
        { name: "core", soft: 0, hard: 0 },
      ],
    };
    const { warnings } = acceptLimits(asked, host);
    assert.match(warnings[0] ?? "", /hard limit of nofile over 4096.*nofile=unlimited lowered/);
    assert.match(warnings[1] ?? "", /OOM score below 0.*-500/);
    assert.equal(warnings.length, 2);
    assert.deepEqual(resolveUlimits(asked, host.ceilings), [
      { type: "RLIMIT_NOFILE", soft: 4096, hard: 4096 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    ]);
  });

  test("are read from this host: who may not raise limits has ceilings, who may has the kernel's", () => {
    const cgroups = readCgroupHost();
    const weak = readAbilities(cgroups, 0n);
    assert.ok((weak.ceilings["nofile"] ?? 0) > 0);
    assert.ok(weak.lowestOomScore >= -1000);
    const strong = readAbilities(cgroups, 1n << 24n);
    assert.deepEqual(Object.keys(strong.ceilings), ["nofile"]);
    assert.equal(strong.lowestOomScore, -1000);
    assert.equal(weak.memory, true);
    assert.notEqual(weak.cpus, "");
  });
});

describe("what info tells of a host that has less", () => {
  test("is Docker's list, by the version of cgroups", () => {
    assert.deepEqual(limitWarnings(able, "1"), []);
    const less = { ...able, swap: false, oomKillDisable: false, blockWeight: false };
    assert.deepEqual(limitWarnings(less, "1"), [
      "WARNING: No swap limit support",
      "WARNING: No oom kill disable support",
    ]);
    const none = { ...less, blockRates: false };
    assert.deepEqual(limitWarnings(none, "2").slice(1, 3), [
      "WARNING: No io.weight support",
      "WARNING: No io.max (rbps) support",
    ]);
  });
});

describe("devices of the host", () => {
  test("a rate on a device that is not there fails in Docker's words", async () => {
    const missing = { ...readRate, path: "/dev/nope" };
    await assert.rejects(resolveDevices(usualSecurity, [missing]), {
      message: "stat /dev/nope: no such file or directory",
    });
    await assert.rejects(resolveDevices(usualSecurity, [{ ...readRate, path: "/dev/null" }]));
  });

  test("a driver that is asked for is not there, in Docker's words", async () => {
    const gpu = { driver: "", ids: [], capabilities: [["gpu"]] };
    await assert.rejects(resolveDevices({ ...usualSecurity, deviceRequests: [gpu] }, []), {
      message: 'could not select device driver "" with capabilities: [[gpu]]',
    });
  });
});

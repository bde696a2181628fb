import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SecuritySpec } from "../../../src/domain/limits.ts";
import type { WorkloadMount, WorkloadSpec } from "../../../src/domain/runtime.ts";
import { boundingSet } from "../../../src/drivers/runtime-oci/capabilities.ts";
import { ociConfig, type ConfigFacts } from "../../../src/drivers/runtime-oci/config.ts";
import { resolveDevices } from "../../../src/drivers/runtime-oci/devices.ts";
import { runtimeFailure } from "../../../src/drivers/runtime-oci/failures.ts";
import type { OciConfig } from "../../../src/drivers/runtime-oci/oci-spec.ts";
import { isOlder } from "../../../src/drivers/runtime-oci/probe.ts";
import { parseProcesses } from "../../../src/domain/ps.ts";
import { resolveLimits } from "../../../src/drivers/runtime-oci/resources.ts";
import { resolveSeccomp } from "../../../src/drivers/runtime-oci/seccomp.ts";
import { resolveUlimits } from "../../../src/drivers/runtime-oci/ulimits.ts";
import { DuetError, isDuetError } from "../../../src/kit/errors.ts";
import { processSpec, usualSecurity, noLimits } from "../../suites/runtime/harness.ts";

const available = (1n << 41n) - 1n;
const firstVersion = { version: 1, ceilings: { nofile: 20_000 }, lowestOomScore: -1000 } as const;
const security = (changes: Partial<SecuritySpec>): SecuritySpec => ({
  ...usualSecurity,
  ...changes,
});

function spec(changes: Partial<WorkloadSpec> = {}): WorkloadSpec {
  return {
    id: "a".repeat(64),
    stateDirectory: "/state",
    runDirectory: "/run/w",
    root: { kind: "directory", mounts: [] },
    readonlyRoot: false,
    process: processSpec(["sh"]),
    init: false,
    hostname: "box",
    domainname: "",
    files: {},
    mounts: [],
    resources: noLimits,
    security: usualSecurity,
    network: { kind: "own" },
    log: { path: null, maximumSize: 0, maximumFiles: 1 },
    annotations: { "org.duet.internal": "x" },
    ...changes,
  };
}

function config(changes: Partial<WorkloadSpec> = {}, facts: Partial<ConfigFacts> = {}): OciConfig {
  const full = spec(changes);
  return ociConfig(full, {
    rootPath: "/run/w/root",
    user: { uid: 0, gid: 0, groups: [], home: "/root" },
    bounding: boundingSet(full.security, available),
    seccomp: undefined,
    devices: { devices: [], rules: [], blockIo: {} },
    files: { "/etc/hosts": "/state/files/hosts" },
    initBinary: "/opt/duet-init",
    deepReadonly: false,
    cgroupsPath: "/duet/a",
    shimPid: 77,
    host: firstVersion,
    ...facts,
  });
}

const bind = (target: string, changes: Partial<WorkloadMount> = {}): WorkloadMount => ({
  kind: "bind",
  source: "/host",
  target,
  readonly: false,
  propagation: "",
  nonRecursive: false,
  options: [],
  ...changes,
});

const types = (made: OciConfig): string[] =>
  made.linux.namespaces.map((namespace) => namespace.type);

describe("the OCI configuration", () => {
  test("joins the shim's network namespace, another's, or none", () => {
    const network = (made: OciConfig) =>
      made.linux.namespaces.find((one) => one.type === "network");
    assert.deepEqual(network(config()), { type: "network", path: "/proc/77/ns/net" });
    assert.deepEqual(network(config({ network: { kind: "join", pid: 9 } })), {
      type: "network",
      path: "/proc/9/ns/net",
    });
    assert.equal(network(config({ network: { kind: "host" } })), undefined);
  });

  test("has a cgroup namespace only where Docker has one", () => {
    assert.equal(types(config()).includes("cgroup"), false);
    assert.equal(
      types(config({}, { host: { ...firstVersion, version: 2 } })).includes("cgroup"),
      true,
    );
    const privileged = { security: security({ privileged: true }) };
    assert.equal(
      types(config(privileged, { host: { ...firstVersion, version: 2 } })).includes("cgroup"),
      true,
    );
  });

  test("shares with the host what it is told to share", () => {
    const made = config({
      security: security({ pidMode: "host", ipcMode: "host", utsMode: "host" }),
    });
    assert.deepEqual(types(made).toSorted(), ["mount", "network"]);
    assert.equal(made.hostname, undefined);
  });

  test("a user's mount replaces a default one, and outer mounts come before inner ones", () => {
    const made = config({ mounts: [bind("/data/inner"), bind("/dev/shm"), bind("/data")] });
    const targets = made.mounts.map((mount) => mount.destination);
    assert.equal(targets.filter((target) => target === "/dev/shm").length, 1);
    assert.ok(targets.indexOf("/data") < targets.indexOf("/data/inner"));
    assert.ok(targets.indexOf("/etc/hosts") < targets.indexOf("/data"));
  });

  test("read-only, propagation and depth of a bind are options of its mount", () => {
    const made = config({
      mounts: [bind("/a", { readonly: true, nonRecursive: true, propagation: "rslave" })],
    });
    assert.deepEqual(made.mounts.find((mount) => mount.destination === "/a")?.options, [
      "bind",
      "rslave",
      "ro",
    ]);
    assert.equal(made.linux.rootfsPropagation, "rslave");
  });

  test("init runs the program behind the engine's own PID 1", () => {
    const made = config({ init: true });
    assert.deepEqual(made.process.args, ["/sbin/docker-init", "--", "sh"]);
    assert.deepEqual(made.mounts.at(-1)?.source, "/opt/duet-init");
  });

  test("another user than root has no capabilities but the bounding set", () => {
    const made = config({}, { user: { uid: 5, gid: 6, groups: [7], home: "/home/five" } });
    assert.deepEqual(made.process.capabilities.effective, []);
    assert.deepEqual(made.process.capabilities.inheritable, []);
    assert.equal(made.process.capabilities.bounding.length, 14);
    assert.deepEqual(made.process.user, { uid: 5, gid: 6, additionalGids: [7] });
    assert.ok(made.process.env.includes("HOME=/home/five"));
  });

  test("privileged takes masks, read-only paths and the filter away", () => {
    const made = config({ security: security({ privileged: true }) });
    assert.deepEqual([made.linux.maskedPaths, made.linux.readonlyPaths], [[], []]);
    assert.equal(made.process.capabilities.effective.length, 41);
    assert.equal(made.linux.seccomp, undefined);
  });

  test("annotations and labels of an image never become the runtime's", () => {
    assert.deepEqual(config().annotations, {});
  });
});

describe("capabilities", () => {
  test("adds and drops count as Docker counts them", () => {
    const count = (changes: Partial<SecuritySpec>) => boundingSet(security(changes), available);
    assert.equal(count({}).length, 14);
    assert.deepEqual(count({ capDrop: ["ALL"], capAdd: ["chown"] }), ["CAP_CHOWN"]);
    assert.equal(count({ capAdd: ["ALL"], capDrop: ["SYS_ADMIN"] }).length, 40);
    assert.equal(count({ capDrop: ["CAP_KILL"] }).includes("CAP_KILL"), false);
  });

  test("what the host has not is not given", () => {
    const few = boundingSet(security({ privileged: true }), 0b101n);
    assert.deepEqual(few, ["CAP_CHOWN", "CAP_DAC_READ_SEARCH"]);
  });

  test("an unknown name is refused", () => {
    assert.throws(
      () => boundingSet(security({ capAdd: ["EVERYTHING"] }), available),
      (error) => isDuetError(error, "invalid") && error.code === "CAPABILITY_UNKNOWN",
    );
  });
});

describe("the seccomp filter", () => {
  const facts = { capabilities: [] as string[], architecture: "amd64", kernel: "6.1.0" };
  const allowed = (name: string, capabilities: string[] = []): boolean =>
    (resolveSeccomp("default", { ...facts, capabilities })?.syscalls ?? []).some(
      (rule) =>
        rule.action === "SCMP_ACT_ALLOW" && rule.args === undefined && rule.names.includes(name),
    );

  test("lets ordinary programs work", () => {
    for (const name of ["read", "execve", "openat2", "futex", "ptrace"])
      assert.ok(allowed(name), name);
  });

  test("refuses what reaches the host's kernel from below", () => {
    const refused = [
      "mount",
      "unshare",
      "keyctl",
      "add_key",
      "bpf",
      "io_uring_setup",
      "kexec_load",
      "socketcall",
    ];
    for (const name of [...refused, "socket", "clone3", "userfaultfd"])
      assert.equal(allowed(name), false, name);
  });

  test("follows the capabilities", () => {
    assert.ok(allowed("mount", ["CAP_SYS_ADMIN"]));
    assert.ok(allowed("chroot", ["CAP_SYS_CHROOT"]));
    assert.equal(allowed("chroot"), false);
  });

  test("lets 32-bit programs work, but no third calling convention", () => {
    const filter = resolveSeccomp("default", facts);
    assert.deepEqual(filter?.architectures, ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
  });

  test("takes a profile of the user's, or none", () => {
    assert.equal(resolveSeccomp("unconfined", facts), undefined);
    const own = resolveSeccomp('{"defaultAction":"SCMP_ACT_ALLOW","syscalls":null}', facts);
    assert.equal(own?.defaultAction, "SCMP_ACT_ALLOW");
    for (const text of [
      "{",
      "[]",
      '{"defaultAction":1}',
      '{"defaultAction":"x","syscalls":[{}]}',
    ]) {
      assert.throws(
        () => resolveSeccomp(text, facts),
        (error) => isDuetError(error, "invalid"),
        text,
      );
    }
  });
});

describe("limits", () => {
  test("processors become a quota, memory brings as much swap", () => {
    const limits = resolveLimits({ ...noLimits, nanoCpus: 1.5e9, memory: 100 });
    assert.deepEqual([limits.quota, limits.period, limits.memoryAndSwap], [150_000, 100_000, 200]);
  });

  test("open files are limited by default, but not over the host", () => {
    assert.deepEqual(resolveUlimits(noLimits, { nofile: 20_000 }), [
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 20_000 },
    ]);
    const own = { ...noLimits, ulimits: [{ name: "nofile", soft: 5, hard: 6 }] };
    assert.deepEqual(resolveUlimits(own, { nofile: 20_000 }), [
      { type: "RLIMIT_NOFILE", soft: 5, hard: 6 },
    ]);
  });

  test("unknown and contradictory limits are refused", () => {
    for (const ulimit of [
      { name: "coffee", soft: 1, hard: 1 },
      { name: "core", soft: 2, hard: 1 },
    ]) {
      assert.throws(
        () => resolveUlimits({ ...noLimits, ulimits: [ulimit] }, { nofile: 20_000 }),
        (error) => isDuetError(error, "invalid"),
      );
    }
  });
});

describe("devices", () => {
  test("a device of the host is made with its numbers and the wanted rule", async () => {
    const mapping = { hostPath: "/dev/null", containerPath: "/dev/nothing", permissions: "rw" };
    const { devices, rules } = await resolveDevices(security({ devices: [mapping] }), []);
    assert.deepEqual(
      devices.map((device) => [device.path, device.type, device.major, device.minor]),
      [["/dev/nothing", "c", 1, 3]],
    );
    assert.deepEqual(rules.at(-1), { allow: true, type: "c", major: 1, minor: 3, access: "rw" });
    assert.deepEqual(rules[0], { allow: false, access: "rwm" });
  });

  test("what is no device, and rules that are none, are refused", async () => {
    const file = { hostPath: "/etc/hostname", containerPath: "", permissions: "" };
    const odd = { hostPath: "/dev/null", containerPath: "", permissions: "rwx" };
    for (const wanted of [
      { devices: [file] },
      { devices: [odd] },
      { deviceCgroupRules: ["a *:* rwm; x"] },
    ]) {
      await assert.rejects(resolveDevices(security(wanted), []), (error) =>
        isDuetError(error, "invalid"),
      );
    }
  });
});

describe("the runtime's words", () => {
  const failed = (message: string) =>
    runtimeFailure(new DuetError("internal", "RUNTIME_FAILED", message), "create");
  const code = (message: string): string => {
    const error = failed(message);
    return error instanceof DuetError ? error.code : "";
  };

  test("tell a missing program from one that may not run", () => {
    const start = "runc create failed: unable to start container process: exec:";
    assert.equal(code(`${start} "foo": executable file not found in $PATH`), "COMMAND_NOT_FOUND");
    assert.equal(code(`${start} "/x": stat /x: no such file or directory`), "COMMAND_NOT_FOUND");
    assert.equal(code(`${start} "/etc": permission denied`), "COMMAND_NOT_EXECUTABLE");
    assert.equal(code("error mounting /a: no such file or directory"), "RUNTIME_FAILED");
    const missing = "executable file `foo` not found in $PATH: No such file or directory";
    assert.equal(code(missing), "COMMAND_NOT_FOUND");
    assert.equal(code("open executable: Permission denied"), "COMMAND_NOT_EXECUTABLE");
    assert.equal(code("mount `/a` to `/b`: No such file or directory"), "RUNTIME_FAILED");
  });

  test("lose the logger's dress", () => {
    const error = failed(
      'time="2026-01-01T00:00:00Z" level=error msg="container_linux.go: it \\"broke\\""',
    );
    assert.ok(error instanceof Error);
    assert.equal(
      error.message,
      'OCI runtime create failed: container_linux.go: it "broke": unknown',
    );
  });
});

test("versions compare by number", () => {
  assert.equal(isOlder("1.1.5", "1.2.8"), true);
  assert.equal(isOlder("1.20", "1.9"), false);
  assert.equal(isOlder("1.2.8", "1.2.8"), false);
});

test("ps is filtered by pid, and its last column keeps its spaces", () => {
  const output = "UID  PID CMD\nroot  1 init\nroot 22 sleep  10 x\n";
  assert.deepEqual(parseProcesses(output, [22]), {
    titles: ["UID", "PID", "CMD"],
    rows: [["root", "22", "sleep 10 x"]],
  });
  assert.throws(
    () => parseProcesses("UID CMD\n", [1]),
    (error) => isDuetError(error, "invalid"),
  );
});

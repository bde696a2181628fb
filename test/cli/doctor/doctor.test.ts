import assert from "node:assert/strict";
import { test } from "node:test";
import { doctorExitCode, probes, runDoctor } from "../../../src/cli/doctor/doctor.ts";
import type { Finding, Host } from "../../../src/cli/doctor/finding.ts";
import { openFlaws } from "../../../src/cli/doctor/fixes.ts";
import { thisHost } from "../../../src/cli/doctor/host.ts";
import { controlGroups } from "../../../src/cli/doctor/probes/control-groups.ts";
import { diskSpace } from "../../../src/cli/doctor/probes/disk-space.ts";
import { guestKernel } from "../../../src/cli/doctor/probes/guest-kernel.ts";
import { kernelFeatures } from "../../../src/cli/doctor/probes/kernel-features.ts";
import { kernelRelease } from "../../../src/cli/doctor/probes/kernel-release.ts";
import { ociRuntimes } from "../../../src/cli/doctor/probes/oci-runtimes.ts";
import { userNamespaces } from "../../../src/cli/doctor/probes/user-namespaces.ts";
import { virtualization } from "../../../src/cli/doctor/probes/virtualization.ts";

/** A host that has nothing but what is given. */
function bareHost(has: Partial<Host> & { files?: Record<string, string> } = {}): Host {
  const files = has.files ?? {};
  return {
    signal: AbortSignal.timeout(120_000),
    dataRoot: "/var/lib/duet",
    kernel: "6.1.0-1-amd64",
    read: async (path) => files[path],
    exists: async (path) => path in files,
    list: async (path) =>
      Object.keys(files).flatMap((file) =>
        file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split("/")[0]!] : [],
      ),
    output: async () => undefined,
    space: async () => ({ free: 2 ** 40, total: 2 ** 41 }),
    readCompressed: async () => undefined,
    canOpen: async () => true,
    daemon: async () => undefined,
    runs: async () => false,
    ...has,
  };
}

const summary = (findings: readonly Finding[]): string[] =>
  findings.map((finding) => `${finding.verdict} ${finding.what}`);

test("every probe answers for this very host, and what is not ok says what to do", async () => {
  const host = thisHost({}, AbortSignal.timeout(300_000));
  const findings = await Array.fromAsync(runDoctor(host));
  const named = new Set(findings.map((finding) => finding.probe));
  assert.deepEqual([...named].toSorted(), probes.map((probe) => probe.name).toSorted());
  for (const finding of findings) {
    assert.notEqual(finding.what, "");
    if (finding.verdict !== "ok") assert.ok(finding.why !== "" && finding.remedy !== "");
  }
});

test("a host that has nothing still gets an answer to every question", async () => {
  const findings = await Array.fromAsync(runDoctor(bareHost()));
  assert.ok(findings.filter((finding) => finding.verdict === "fail").length >= 5);
  assert.equal(doctorExitCode(findings.map((finding) => finding.verdict)), 1);
});

test("a probe that breaks is a finding, and the others still answer", async () => {
  const broken = { name: "broken", run: () => Promise.reject(new Error("no such luck")) };
  const findings = await Array.fromAsync(runDoctor(bareHost(), [broken, kernelRelease]));
  assert.deepEqual(
    findings.map((finding) => finding.verdict),
    ["fail", "ok"],
  );
  assert.equal(findings[0]?.why, "no such luck");
});

test("warnings alone do not fail", () => {
  assert.equal(doctorExitCode(["ok", "warn"]), 0);
});

test("cgroups are told apart: version 2, version 1, hybrid, none", async () => {
  const names = ["cpu", "memory", "pids"];
  const old = Object.fromEntries(names.map((name) => [`/sys/fs/cgroup/${name}/tasks`, ""]));
  const kinds: [Record<string, string>, RegExp][] = [
    [{ "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n" }, /^ok .*version 2 /],
    [{ "/sys/fs/cgroup/cgroup.controllers": "cpu pids\n" }, /^warn .*version 2 without memory/],
    [old, /^ok .*version 1 with/],
    [{ ...old, "/sys/fs/cgroup/unified/cgroup.procs": "" }, /^ok .*hybrid/],
    [{}, /^fail no cgroups/],
  ];
  for (const [files, expected] of kinds) {
    const [line = ""] = summary(await controlGroups.run(bareHost({ files })));
    assert.match(line, expected);
  }
});

test("crun alone on old cgroups is warned of", async () => {
  const files = Object.fromEntries(
    ["cpu", "memory", "pids"].map((name) => [`/sys/fs/cgroup/${name}/tasks`, ""]),
  );
  const output = async (program: string): Promise<string | undefined> =>
    program === "crun" ? "crun version 1.8.1" : undefined;
  const [finding] = await controlGroups.run(bareHost({ files, output }));
  assert.equal(finding?.verdict, "warn");
});

test("KVM counts as working only when the daemon has proved it", async () => {
  const files = { "/dev/kvm": "" };
  const withDaemon = (description: string): Host =>
    bareHost({
      files,
      daemon: async () => ({
        version: "1",
        runtimes: [{ name: "vm", isolation: "vm", description }],
      }),
    });
  assert.match(
    summary(await virtualization.run(withDaemon("qemu 8.0 (kvm)")))[0]!,
    /^ok KVM works/,
  );
  assert.match(
    summary(await virtualization.run(withDaemon("qemu 8.0 (tcg)")))[0]!,
    /^warn .*no progress/,
  );
  assert.match(summary(await virtualization.run(bareHost({ files })))[0]!, /^warn .*unknown until/);
  assert.match(summary(await virtualization.run(bareHost()))[0]!, /^warn there is no \/dev\/kvm/);
});

test("a runtime is older than a fix only in the release lines that lack it", () => {
  const flaws = (runtime: "runc" | "crun", version: string, log = ""): string[] =>
    openFlaws(runtime, version, log).flatMap((fix) => fix.names);
  assert.ok(flaws("runc", "1.1.5+ds1").includes("CVE-2024-21626"));
  assert.ok(!flaws("runc", "1.1.5+ds1", "fixes CVE-2024-21626").includes("CVE-2024-21626"));
  assert.ok(flaws("runc", "1.1.15").includes("CVE-2025-31133"));
  assert.ok(flaws("runc", "1.3.2").includes("CVE-2025-52881"));
  for (const sound of ["1.2.8", "1.3.3", "1.4.0", "2.0.0"])
    assert.deepEqual(flaws("runc", sound), []);
  assert.deepEqual(flaws("crun", "1.18"), ["CVE-2025-24965"]);
  assert.deepEqual(flaws("crun", "1.21"), ["CVE-2026-30892"]);
  assert.deepEqual(flaws("crun", "1.27"), []);
});

test("an old runtime is named with its flaws, none at all fails", async () => {
  const output = async (program: string): Promise<string | undefined> =>
    program === "runc" ? "runc version 1.1.4\nspec: 1.0.2" : undefined;
  const [finding] = await ociRuntimes.run(bareHost({ output }));
  assert.equal(finding?.verdict, "warn");
  assert.match(finding.why, /CVE-2024-21626/);
  assert.match(summary(await ociRuntimes.run(bareHost()))[0]!, /^fail/);
});

test("a kernel feature counts when it is loaded, built in or loadable", async () => {
  const files = {
    "/proc/filesystems": "nodev\toverlay\n",
    "/sys/module/bridge": "",
    "/lib/modules/6.1.0-1-amd64/modules.dep": "kernel/drivers/net/veth.ko.xz:\n",
    "/lib/modules/6.1.0-1-amd64/modules.builtin": "kernel/net/netfilter/nf_tables.ko\n",
  };
  const lines = summary(await kernelFeatures.run(bareHost({ files })));
  assert.deepEqual(lines, [
    "ok overlayfs, bridge, veth, nf_tables",
    "fail the kernel has no tun",
    "warn the kernel has no vhost_net",
  ]);
});

test("kernel, user namespaces, guest kernel and disk space are judged by their limits", async () => {
  assert.match(summary(await kernelRelease.run(bareHost({ kernel: "5.4.0" })))[0]!, /^fail/);
  const off = { files: { "/proc/sys/user/max_user_namespaces": "0\n" } };
  assert.match(summary(await userNamespaces.run(bareHost(off)))[0]!, /^warn/);
  const kernels = {
    "/boot/vmlinuz-6.9.0-cloud": "",
    "/boot/vmlinuz-6.1.0-2": "",
    "/lib/modules/6.1.0-2/kernel/fs/9p": "",
  };
  assert.deepEqual(summary(await guestKernel.run(bareHost({ files: kernels }))), [
    "ok /boot/vmlinuz-6.1.0-2",
  ]);
  const space = async () => ({ free: 2 ** 20, total: 2 ** 40 });
  assert.match(summary(await diskSpace.run(bareHost({ space })))[0]!, /^fail/);
});

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { attacks } from "./shared-daemon.ts";

/* Group E of the attack list, where it is about what a container asks of its host. */

const attack = attacks();
const exchanges = 12;

interface Answer {
  readonly status: number;
  readonly body: { readonly Id?: string; readonly message?: string };
}

async function post(daemon: TestDaemon, path: string, body: object): Promise<Answer> {
  const { stdout } = await daemon.onHost(
    "curl",
    ...["-s", "-w", "\n%{http_code}", "--unix-socket", daemon.socket],
    ...["-H", "Content-Type: application/json", "-d", JSON.stringify(body), `http://d${path}`],
  );
  const lines = stdout.toString().split("\n");
  const text = lines.slice(0, -1).join("\n");
  return {
    status: Number(lines.at(-1)),
    body: (text === "" ? {} : JSON.parse(text)) as Answer["body"],
  };
}

attack(
  "a link that is exchanged during a start leads no part of a volume outside (E60)",
  async (daemon, place) => {
    await loadImages(daemon, "busybox");
    const outside = `../../../../../..${place.outside}`;
    const loop = `while :; do ln -sfn ${outside} /v/part; rm /v/part; mkdir /v/part; rmdir /v/part; done 2>/dev/null`;
    await daemon.docker(
      "run",
      "-d",
      "--name",
      "swap",
      "-v",
      "raced:/v",
      "busybox",
      "sh",
      "-c",
      loop,
    );
    const mount = "type=volume,src=raced,dst=/y,volume-subpath=part";
    for (let round = 0; round < exchanges; round += 1) {
      const { stdout } = await daemon.tryDocker([
        ...["run", "--rm", "--mount", mount, "busybox"],
        ...["sh", "-c", "ls -A /y; touch /y/written"],
      ]);
      assert.doesNotMatch(stdout.toString(), /canary/);
    }
    await daemon.docker("rm", "-f", "swap");
    await daemon.docker("volume", "rm", "raced");
  },
);

attack("hostile options of volumes are refused, and mount nothing (E67)", async (daemon) => {
  const hostile: Record<string, string>[] = [
    { type: "tmpfs", device: "x", o: "remount" },
    { type: "none", device: "/", o: "bind,move" },
    { type: "tmpfs", device: "x", o: "size=1m\0,exec" },
    { type: "tmpfs", device: "x", o: "x".repeat(5_000) },
    { type: "tmpfs", device: `/${"x".repeat(5_000)}` },
    { type: "tmpfs" },
    { o: "bind", device: "/etc" },
    { lowerdir: "/etc" },
  ];
  for (const [at, DriverOpts] of hostile.entries()) {
    const { status } = await post(daemon, "/volumes/create", { Name: `odd${at}`, DriverOpts });
    assert.equal(status, 400, JSON.stringify(DriverOpts).slice(0, 100));
  }
  for (const type of ["../../x", "-o", "no such", ""]) {
    const name = "odd-type";
    const DriverOpts = { type, device: "/no/such" };
    await post(daemon, "/volumes/create", { Name: name, DriverOpts });
    const started = await daemon.tryDocker(["run", "--rm", "-v", `${name}:/x`, "busybox", "true"]);
    assert.notEqual(started.code, 0, type);
    await daemon.docker("volume", "rm", "-f", name);
  }
  const mounts = await readFile("/proc/self/mounts", "utf8");
  assert.equal(mounts.includes(join(daemon.folder, "data/volumes")), false);
  assert.equal(await daemon.docker("volume", "ls", "-q"), "");
});

attack("names that become lines, paths or options are refused (E67)", async (daemon) => {
  await loadImages(daemon, "busybox");
  await daemon.docker("create", "--name", "target", "busybox");
  const refused: object[] = [
    { Links: ["target:a\n6.6.6.6 bank"] },
    { Links: ["target:a b"] },
    { ExtraHosts: ["bank\t6.6.6.6:1.2.3.4"] },
    { VolumesFrom: ["target:ro,rw"] },
    { VolumesFrom: ["../target"] },
    { PidMode: "container:../../proc/1" },
    { IpcMode: "container:x1" },
    { CpusetCpus: "0-4294967295" },
    { BlkioWeight: 1e9 },
    { Sysctls: { "../../kernel/core_pattern": "|/bin/x" } },
    { DeviceCgroupRules: ["a *:* rwm\nb *:* rwm"] },
    { Mounts: [{ Type: "volume", Source: "../x", Target: "/x" }] },
    {
      Mounts: [
        { Type: "volume", Source: "vv", Target: "/x", VolumeOptions: { Subpath: "a/../../b" } },
      ],
    },
    { Mounts: [{ Type: "bind", Source: "/etc\0", Target: "/x" }] },
    { Tmpfs: { "/x": "size=1m,upperdir=/etc" } },
    { Annotations: { "": "x" } },
    { SecurityOpt: ["seccomp={"] },
  ];
  for (const HostConfig of refused) {
    const { status } = await post(daemon, "/containers/create", { Image: "busybox", HostConfig });
    assert.equal(
      Math.floor(status / 100) === 4 || status === 500,
      true,
      JSON.stringify(HostConfig),
    );
  }
  await daemon.docker("rm", "target");
});

attack("a parent cgroup cannot lead out of the hierarchy (E66)", async (daemon) => {
  await loadImages(daemon, "busybox");
  const parent = `../../../../tmp${daemon.folder}`;
  const args = ["--cgroup-parent", parent, "--memory", "32m", "busybox"];
  const seen = await daemon.docker("run", "--rm", ...args, "cat", "/proc/1/cgroup");
  assert.match(seen, new RegExp(`:/tmp${daemon.folder}/[0-9a-f]{64}`));
  const search = ["/sys/fs/cgroup", "-path", `*/tmp${daemon.folder}`, "-type", "d"];
  const found = await daemon.tryOnHost(["find", ...search]);
  for (const folder of found.stdout.toString().split("\n").filter(Boolean)) {
    await daemon.tryOnHost(["rmdir", "-p", "--ignore-fail-on-non-empty", folder]);
  }
});

attack(
  "memory, processes and shared memory that run away stay within their limits (E66)",
  async (daemon) => {
    await loadImages(daemon, "busybox");
    const limits = ["--memory", "16m", "--pids-limit", "20", "--shm-size", "1m"];
    const run = async (script: string): Promise<string> => {
      const { stdout, stderr } = await daemon.tryDocker([
        "run",
        "--rm",
        ...limits,
        "busybox",
        "sh",
        "-c",
        script,
      ]);
      return `${stdout.toString()}${stderr}`;
    };
    assert.match(
      await run("dd if=/dev/zero of=/dev/shm/f bs=64k count=1000 2>&1 || true"),
      /No space left/,
    );
    assert.match(
      await run("for i in $(seq 40); do sleep 5 & done; true"),
      /can't fork|Resource temporarily/,
    );
    const eater = ["run", "--name", "eater", ...limits, "busybox", "tail", "/dev/zero"];
    assert.equal((await daemon.tryDocker(eater)).code, 137);
    assert.equal(await daemon.docker("inspect", "-f", "{{.State.OOMKilled}}", "eater"), "true\n");
    await daemon.docker("rm", "eater");
  },
);

import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { busyboxLayer } from "../../attacks/hostile-image.ts";
import {
  inLoadOrder,
  moduleName,
  readModule,
  readModuleTable,
} from "../../../src/kit/kernel-modules.ts";
import { requireKernel } from "../../../src/drivers/runtime-qemu/kernel.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { TestDaemon } from "../daemon.ts";
import { startRegistry } from "../registry.ts";
import { duetLine } from "./duet-line.ts";
import { ownerOfTests } from "../owner.ts";

const page = "served by a machine of its own";
/** Counts its starts on its disk, and ends as soon as it is asked to. */
const command = [
  "echo x >> /boots; echo boots $(wc -l < /boots)",
  `mkdir -p /www; echo ${page} > /www/index.html`,
  "echo sectors $(cat /sys/class/block/vda/size)",
  "insmod /cdrom.ko; insmod /isofs.ko; mkdir -p /seed",
  "mount -t iso9660 -o ro /dev/vdb /seed && cat /seed/*",
  "cat /etc/resolv.conf; ip -o address show eth0; hostname",
  "until ip -o -6 address show eth0 | grep global; do sleep 1; done; ip -6 route",
  "httpd -h /www; nslookup neighbour.; echo ready",
  "trap 'echo asked; exit 0' TERM; while :; do read line && echo typed $line; sleep 1; done",
].join("; ");

/** What it takes to read a disk as cloud-init does, for a guest that has no modules but those it booted with. */
async function isoModules(): Promise<Buffer> {
  const { modules } = await requireKernel(null);
  const table = await readModuleTable(modules);
  const files = inLoadOrder(table, ["isofs"]).map(async (path) => ({
    kind: "file" as const,
    name: `${moduleName(path)}.ko`,
    data: await readModule(join(modules, path), AbortSignal.timeout(60_000)),
  }));
  return archiveOf(await Promise.all(files));
}

describe("a disk in an image", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  let image: string;
  const owner = ownerOfTests();
  before(async () => {
    daemon = await TestDaemon.start(owner, {});
    const registry = await startRegistry(daemon);
    const tar = join(daemon.folder, "root.tar");
    await writeFile(tar, Buffer.concat([busyboxLayer.subarray(0, -1024), await isoModules()]));
    await daemon.docker("import", tar, "box");
    const disk = join(daemon.folder, "web.qcow2");
    image = `${registry}/web-disk:1`;
    await duet("image", "convert", "box", disk, "/bin/sh", "-c", command);
    await duet("image", "wrap-disk", disk, image);
    await daemon.docker("network", "create", "--ipv6", "--subnet", "fd00:d15c::/64", "net");
  });
  async function duet(...words: string[]): Promise<void> {
    const result = await duetLine(daemon, words);
    assert.equal(result.code, 0, result.stderr);
  }

  async function logs(name: string): Promise<string> {
    return (await daemon.docker("logs", name)).replaceAll("\r", "");
  }

  /** What the machine has printed, once it has printed `wanted`. */
  async function printed(name: string, wanted: RegExp): Promise<string> {
    const path = `/containers/${name}/logs?follow=1&stdout=1`;
    const asked = request({
      socketPath: daemon.socket,
      path,
      signal: AbortSignal.timeout(600_000),
    });
    const answered = once(asked, "response");
    asked.end();
    const [lines] = (await answered) as [IncomingMessage];
    let text = "";
    try {
      for await (const piece of lines) {
        text += String(piece);
        if (wanted.test(text.replaceAll(/[\0\r]/g, ""))) return await logs(name);
      }
    } finally {
      asked.on("error", () => undefined).destroy();
    }
    throw new Error(`the machine ended, and did not print ${wanted}: ${text}`);
  }

  async function inspect(name: string, format: string): Promise<string> {
    return (await daemon.docker("inspect", "--format", format, name)).trim();
  }

  /** Image, network, name of its own, and words of `docker run` before the image. */
  async function machine(name: string, ...words: string[]): Promise<void> {
    const run = ["run", "-d", "--isolation=vm", "--network", "net", "--name", name];
    await daemon.docker(...run, "--stop-timeout", "150", ...words, image);
  }

  test("goes through a registry and other tools, boots, is found by its name, keeps what it wrote, and has a power button", async () => {
    await daemon.docker("push", "-q", image);
    await daemon.docker("rmi", image);
    const copy = image.replace("web-disk", "copied");
    const plain = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    const skopeo = ["--insecure-policy", "copy", ...plain, `docker://${image}`, `docker://${copy}`];
    const copied = await daemon.onHost("skopeo", ...skopeo);
    assert.equal(copied.code, 0, copied.stderr);
    await daemon.docker("pull", "-q", copy);
    await daemon.docker("tag", copy, image);
    await daemon.docker(
      "run",
      "-d",
      "--name",
      "neighbour",
      "--network",
      "net",
      "box",
      "sleep",
      "999",
    );
    const sized = ["--memory", "256m", "--cpus", "2", "--storage-opt", "size=3G"];
    const seed = join(daemon.folder, "user-data");
    await writeFile(seed, "#cloud-config\n# told from outside\n");
    const told = ["--hostname", "told", "-v", `${seed}:/cidata/user-data:ro`];
    await machine("web", "-i", ...sized, ...told, "-p", "127.0.0.1:8080:80");
    const first = await printed("web", /ready/);
    const id = await inspect("web", "{{.Id}}");
    assert.match(first, /^sectors 6291456$/m, "its disk has grown");
    assert.match(first, /^# told from outside$/m);
    assert.match(first, new RegExp(`^instance-id: ${id}\nlocal-hostname: told$`, "m"));
    const address = await inspect("web", "{{.NetworkSettings.Networks.net.IPAddress}}");
    const mac = await inspect("web", "{{.NetworkSettings.Networks.net.MacAddress}}");
    assert.ok(first.includes(`inet ${address}/16`), first);
    assert.match(first, /boots 1\n[^]*nameserver 172\.\d+\.0\.1\n/);
    assert.match(first, /Name:\s+neighbour\.?\nAddress[^\n]*: 172\./, "it asks by name");
    assert.match(mac, /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/);
    const asked = await daemon.docker("exec", "neighbour", "sh", "-c", "wget -qO- http://web/");
    assert.equal(asked.trim(), page, "it is asked by name");
    const address6 = await inspect("web", "{{.NetworkSettings.Networks.net.GlobalIPv6Address}}");
    assert.ok(first.includes(`inet6 ${address6}/128 scope global`), first);
    assert.match(first, /^default via fe80:\S+ dev eth0/m, "its router is the network's bridge");
    assert.match(first, /^fd00:d15c::\/64 dev eth0/m);
    const byAddress = `wget -qO- http://[${address6}]/`;
    const asked6 = await daemon.docker("exec", "neighbour", "sh", "-c", byAddress);
    assert.equal(asked6.trim(), page, "it is asked by IPv6");
    const { stdout } = await daemon.onHost("curl", "-s", "http://127.0.0.1:8080/");
    assert.equal(stdout.toString().trim(), page, "and by its published port");
    const attached = daemon.tryDocker(["attach", "web"], undefined, "water\n");
    await printed("web", /typed water/);
    await daemon.docker("stop", "web");
    await attached;
    assert.equal(await inspect("web", "{{.State.Status}} {{.State.ExitCode}}"), "exited 0");
    assert.match(await printed("web", /asked/), /duet: asked to end\nasked\n/);
    await daemon.docker("start", "web");
    await printed("web", /boots 2[^]*ready/);
  });

  test("as it was left by the last test, outlives the daemon, tells of what it uses, stands still, and is killed", async () => {
    await daemon.end("SIGKILL");
    await daemon.launch();
    const stats = await daemon.docker("stats", "--no-stream", "--format", "{{.MemUsage}}", "web");
    assert.match(stats, /\/ 256MiB/);
    await daemon.docker("pause", "web");
    await daemon.docker("unpause", "web");
    await daemon.docker("network", "create", "second");
    await daemon.docker("network", "connect", "second", "web");
    await daemon.docker("network", "disconnect", "second", "web");
    for (const [words, message] of [
      [["exec", "web", "true"], /cannot run commands/],
      [["top", "web"], /cannot show its processes/],
      [["cp", "web:/etc/passwd", "-"], /cannot show or take files/],
      [["diff", "web"], /cannot show or take files/],
      [["commit", "web"], /cannot show or take files/],
      [["kill", "-s", "USR1", "web"], /cannot be sent signal 10/],
      [["update", "--memory", "600m", "--memory-swap", "600m", "web"], /cannot change its memory/],
    ] as const) {
      const result = await daemon.tryDocker([...words]);
      assert.notEqual(result.code, 0, words.join(" "));
      assert.match(`${result.stdout.toString()}${result.stderr}`, message);
    }
    await daemon.docker("kill", "web");
    assert.equal(await inspect("web", "{{.State.ExitCode}}"), "137");
    await daemon.docker("rm", "web");
    await daemon.docker("network", "rm", "second");
  });

  test("is refused at create what only an agent could do, and for a container", async () => {
    const refusals: readonly (readonly [readonly string[], RegExp])[] = [
      [["-v", "/tmp:/tmp"], /mounts or volumes/],
      [["--tmpfs", "/tmp"], /mounts or volumes/],
      [["-e", "A=b"], /environment/],
      [["--user", "7"], /another user/],
      [["--health-cmd", "true"], /checked by a command/],
      [["--read-only"], /read only/],
      [["-v", "/tmp:/cidata"], /cannot write to what it is told/],
      [["-v", "named:/cidata:ro"], /mounts or volumes but a bind at \/cidata/],
      [["--storage-opt", "size=1M"], /too small for the image/],
      [["--storage-opt", "size=3T"], /over 2 TiB/],
      [["--label", "duet.firmware=coreboot"], /bios or uefi/],
    ];
    for (const [words, message] of refusals) {
      const result = await daemon.tryDocker(["create", "--isolation=vm", ...words, image]);
      assert.notEqual(result.code, 0, words.join(" "));
      assert.match(result.stderr, message);
    }
    const plain = await daemon.tryDocker(["create", image]);
    assert.match(plain.stderr, /the image is a disk/);
  });

  test("is refused where it is not one whole disk of its own", async () => {
    const backed = Buffer.alloc(1 << 16);
    backed.write("QFI\u00fb", 0, "latin1");
    backed.writeUInt32BE(3, 4);
    backed.writeBigUInt64BE(512n, 8);
    backed.writeUInt32BE(11, 16);
    backed.write("/etc/passwd", 512);
    const raw = { kind: "file", name: "disk/a.img", data: Buffer.alloc(4_096) } as const;
    const cases: readonly (readonly [Parameters<typeof archiveOf>[0], RegExp])[] = [
      [[{ kind: "file", name: "disk/a.qcow2", data: backed }], /builds on another file/],
      [[raw, { ...raw, name: "disk/b.img" }], /two disks/],
      [[{ kind: "symlink", name: "disk/a.img", linkName: "/etc/passwd" }], /which is no file/],
      [[{ kind: "directory", name: "disk" }], /has no disk/],
    ];
    for (const [members, message] of cases) {
      const tar = join(daemon.folder, "hostile.tar");
      await writeFile(tar, archiveOf([...members]));
      await daemon.docker("import", tar, "hostile");
      const result = await daemon.tryDocker(["create", "--isolation=vm", "hostile"]);
      assert.notEqual(result.code, 0);
      assert.match(result.stderr, message);
    }
    const left = await readdir(join(daemon.folder, "data/machine-disks/base"));
    assert.equal(left.length, 1, "nothing but the disk that was taken");
  });
});

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { RunResult } from "../../../src/kit/subprocess.ts";
import { busyboxLayer } from "../../attacks/hostile-image.ts";
import { archiveOf } from "../../kit/tar/samples.ts";
import { containersOnly, TestDaemon } from "../daemon.ts";
import { boot } from "./boot.ts";
import { duetLine } from "./duet-line.ts";
import { ownerOfTests } from "../owner.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHRoaXMtaXMtYS1rZXktb2YtdGhlLXRlc3RzISE me@here";

/** Asked while the command runs; says so before it waits. */
const patient = "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 1; done";

describe("a disk made from an image", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  const owner = ownerOfTests();
  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: containersOnly });
    const passwd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:44:web:/srv:/bin/sh\n";
    const own = archiveOf([
      { kind: "directory", name: "etc" },
      { kind: "file", name: "etc/passwd", data: passwd },
      { kind: "file", name: "etc/group", data: "root:x:0:\nweb:x:44:\nextra:x:55:web\n" },
    ]);
    const changes = [
      "USER web",
      "ENV COLOUR=red SIZE=big",
      "WORKDIR /srv/app",
      "VOLUME /data",
      'ENTRYPOINT ["/bin/sh", "-c"]',
      'CMD ["pwd; id; echo $COLOUR $SIZE $HOME; cat /etc/hostname; ls -d /data; exit 7"]',
    ].flatMap((change) => ["--change", change]);
    const tar = join(daemon.folder, "root.tar");
    await writeFile(tar, Buffer.concat([busyboxLayer.subarray(0, -1024), own]));
    await daemon.docker("import", ...changes, tar, "web:1");
  });
  async function convert(file: string, words: readonly string[], env = {}): Promise<RunResult> {
    const at = words.indexOf("web:1");
    const line = [...words.slice(0, at), "web:1", file, ...words.slice(at + 1)];
    return await duetLine(daemon, ["image", "convert", ...line], env);
  }

  async function made(name: string, words: readonly string[], env = {}): Promise<string> {
    const file = join(daemon.folder, name);
    const result = await convert(file, words, env);
    assert.equal(result.code, 0, result.stderr);
    return file;
  }

  test("runs the image's command as the image says, and powers off with its end (BIOS, virtio)", async () => {
    const disk = await made("web.qcow2", ["web:1"]);
    const printed = await boot(
      { disk, format: "qcow2", bus: "virtio", firmware: "bios", card: "virtio-net-pci" },
      daemon.folder,
    );
    const at = printed.indexOf("/srv/app");
    assert.equal(
      printed.slice(at, printed.indexOf("duet: the command")),
      "/srv/app\nuid=33(web) gid=44(web) groups=44(web),55(extra)\nred big /srv\nweb\n/data\n",
      printed,
    );
    assert.match(printed, /duet: eth0 has the address 10\.0\.2\.15\/24/);
    assert.match(printed, /duet: the command ended with exit code 7/);
  });

  test("boots with UEFI from NVMe, and passes the power button on as the stop signal", async () => {
    const disk = await made("web.raw", ["--env", "COLOUR=blue", "--user", "0", "web:1", patient]);
    const printed = await boot(
      {
        disk,
        format: "raw",
        bus: "nvme",
        firmware: "uefi",
        card: "e1000",
        monitor: { when: "ready\r\n", command: "system_powerdown" },
      },
      daemon.folder,
    );
    assert.match(printed, /ready[^]*duet: asked to end\nasked\n/);
    const { size, blocks } = await stat(disk);
    assert.ok(blocks * 512 < size / 4, "holes stay holes");
  });

  test("boots with Secure Boot, where the distribution's signed boot loader is", async (context) => {
    const trees = ["/", "/var/lib/duet/boot-loader"];
    if (!trees.some((tree) => existsSync(join(tree, "usr/lib/grub/x86_64-efi-signed"))))
      return context.skip("`npm run setup` brings the signed boot loader");
    const command = "cat /sys/kernel/security/lockdown || dmesg | grep -i lock";
    const disk = await made("secure.qcow2", ["--user", "0", "web:1", command]);
    const printed = await boot(
      { disk, format: "qcow2", bus: "virtio", firmware: "secure", card: "e1000" },
      daemon.folder,
    );
    assert.match(printed, /locked down from EFI Secure Boot|\[integrity\]/);
    assert.match(printed, /ended with exit code 0/, "with drivers that the kernel trusts");
  });

  test("boots from SATA with a fixed address, keys for its ssh server, and a console that is typed on", async () => {
    const keys = join(daemon.folder, "key.pub");
    await writeFile(keys, `${key}\n`);
    const server = join(daemon.folder, "server.tar");
    await writeFile(
      server,
      Buffer.concat([
        busyboxLayer.subarray(0, -1024),
        archiveOf([
          { kind: "file", name: "usr/sbin/sshd", mode: 0o755, data: "#!/bin/sh\n" },
          { kind: "file", name: "etc/passwd", data: "root:x:0:0:root:/root:/bin/sh\n" },
        ]),
      ]),
    );
    await daemon.docker("import", server, "web:1");
    const network = ["--network", "192.0.2.7/24", "--gateway", "192.0.2.1", "--dns", "192.0.2.53"];
    const command =
      "cat /root/.ssh/authorized_keys /etc/resolv.conf; echo now type; read word; echo got $word; exec sleep 0";
    const disk = await made("ssh.vmdk", [
      ...["--ssh-key", keys, "--hostname", "gate.example", ...network],
      ...["web:1", "/bin/sh", "-c", command],
    ]);
    const printed = await boot(
      {
        disk,
        format: "vmdk",
        bus: "sata",
        firmware: "bios",
        card: "vmxnet3",
        type: { when: "now type", text: "water\n" },
      },
      daemon.folder,
    );
    assert.ok(printed.includes(`${key}\nnameserver 192.0.2.53\n`), printed);
    assert.match(printed, /got water\nduet: the command ended with exit code 0/);
  });

  test("is the same one for the same SOURCE_DATE_EPOCH, and another one without", async () => {
    const digests: string[] = [];
    for (const env of [
      { SOURCE_DATE_EPOCH: "1000000000" },
      { SOURCE_DATE_EPOCH: "1000000000" },
      {},
    ]) {
      const disk = await made(`same-${digests.length}.qcow2`, ["web:1", "/bin/sh"], env);
      digests.push(
        createHash("sha256")
          .update(await readFile(disk))
          .digest("hex"),
      );
    }
    assert.equal(digests[0], digests[1]);
    assert.notEqual(digests[0], digests[2]);
  });

  test("is refused where it cannot be what was asked for, and leaves nothing behind", async () => {
    await daemon.docker("import", join(daemon.folder, "root.tar"), "web:1");
    const keys = join(daemon.folder, "key.pub");
    await writeFile(keys, `${key}\n`);
    const refusals: readonly (readonly [string, readonly string[], RegExp])[] = [
      ["a.qcow2", ["web:1"], /no command specified/],
      ["a.qcow2", ["--ssh-key", keys, "web:1", "/bin/sh"], /no ssh server/],
      ["a.qcow2", ["--size", "64m", "web:1", "/bin/sh"], /too small for the image.*at least/],
      ["a.qcow2", ["--network", "192.0.2.7", "web:1", "/bin/sh"], /no address with its prefix/],
      ["a.qcow2", ["--hostname", "a b", "web:1", "/bin/sh"], /not a host name/],
      ["a.qcow2", ["--kernel", "../../etc", "web:1", "/bin/sh"], /no kernel \.\.\/\.\.\/etc/],
      ["a.tar", ["web:1", "/bin/sh"], /the name of the file says no format/],
    ];
    for (const [file, words, message] of refusals) {
      const result = await convert(join(daemon.folder, file), words);
      assert.notEqual(result.code, 0, words.join(" "));
      assert.match(result.stderr, message);
    }
    assert.deepEqual(await readdir(join(daemon.folder, "data/boot-disks")), ["stage"]);
  });
});

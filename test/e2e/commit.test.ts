import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { before, describe, test } from "node:test";
import { printed } from "../attacks/hostile-image.ts";
import { archiveOf } from "../kit/tar/samples.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

/** What the workload does to its root. */
const work = [
  "mkdir -p /data/deep; echo hi > /data/deep/one; ln -s one /data/deep/link; ln /data/deep/one /data/deep/two",
  "rm /bin/wget; echo more >> /etc/passwd; chown 7:8 /data/deep; chmod 4755 /data/deep/one",
  "printf toor | dd of=/etc/group conv=notrunc 2>/dev/null; touch -r /etc/shadow /etc/group",
  "chmod 600 /etc/nsswitch.conf; chmod 644 /etc/nsswitch.conf",
  "echo inside > /volume/file; echo there > /scratch/file; sync; echo done; sleep 1000",
].join("; ");

const expected = [
  "A /data",
  "A /data/deep",
  "A /data/deep/link",
  "A /data/deep/one",
  "A /data/deep/two",
  "C /etc",
  "C /etc/group",
  "C /etc/nsswitch.conf",
  "C /etc/passwd",
  "A /scratch",
  "C /usr",
  "C /usr/bin",
  "D /usr/bin/wget",
  "A /volume",
];

const look =
  'stat -c "%n %a %u:%g %h" /data/deep /data/deep/one; cat /data/deep/two /data/deep/link; ' +
  "ls /bin/wget /volume /scratch 2>&1; tail -n1 /etc/passwd";
const seen = [
  "/data/deep 755 7:8 2",
  "/data/deep/one 4755 0:0 2",
  "hi",
  "hi",
  "ls: /bin/wget: No such file or directory",
  "/scratch:",
  "",
  "/volume:",
  "more",
  "",
].join("\n");

describe("what a workload has changed", { timeout: 1_500_000 }, () => {
  let daemon: TestDaemon;
  const owner = ownerOfTests();
  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    await loadImages(daemon, "busybox");
    await daemon.docker("create", "--name", "plain", "busybox", "true");
  });
  for (const isolation of ["container", "vm"]) {
    const name = `of-${isolation}`;

    test(`of a ${isolation}: diff tells it, running and stopped`, async () => {
      const mounts = ["-v", "/volume", "--tmpfs", "/scratch"];
      const command = [`--isolation=${isolation}`, "--name", name, ...mounts, "busybox"];
      await daemon.docker("run", "-d", ...command, "sh", "-c", work);
      await printed(daemon, name, "done");
      const running = (await daemon.docker("diff", name)).trim().split("\n");
      assert.deepEqual(running, expected);
      await daemon.docker("kill", name);
      await daemon.docker("wait", name);
      assert.deepEqual((await daemon.docker("diff", name)).trim().split("\n"), expected);
    });

    test(`of a ${isolation}: commit makes an image of it, for either isolation`, async () => {
      await daemon.docker("start", name);
      const changes = [
        'CMD ["cat", "/data/deep/one"]',
        'ENV A=b C="d e"',
        "LABEL made=here",
        "EXPOSE 80 53/udp",
        "WORKDIR /data",
        "HEALTHCHECK --interval=5s CMD true",
      ].flatMap((change) => ["--change", change]);
      const tag = `made:${isolation}`;
      const id = (
        await daemon.docker("commit", "-a", "me", "-m", "why", ...changes, name, tag)
      ).trim();
      const format =
        "{{.Id}} {{.Author}} {{.Comment}} {{json .Config.Cmd}} {{json .Config.Env}} {{json .Config.ExposedPorts}} " +
        "{{.Config.WorkingDir}} {{json .Config.Healthcheck}} {{len .RootFS.Layers}}";
      const inspected = await daemon.docker("image", "inspect", "-f", format, tag);
      assert.equal(
        inspected.trim(),
        `${id} me why ["cat","/data/deep/one"] ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin","A=b","C=d e"] ` +
          '{"53/udp":{},"80/tcp":{}} /data {"Interval":5000000000,"Test":["CMD-SHELL","true"]} 2',
      );
      for (const other of ["container", "vm"]) {
        const run = ["run", "--rm", `--isolation=${other}`, tag];
        assert.equal(await daemon.docker(...run), "hi\n");
        assert.equal(await daemon.docker(...run, "sh", "-c", look), seen);
      }
    });

    test(`of a ${isolation}: export gives all of its root, and nothing that is mounted there`, async () => {
      const { stdout } = await daemon.tryDocker(["export", name]);
      const names = execFileSync("tar", ["-t"], { input: stdout }).toString().split("\n");
      for (const there of ["data/deep/one", "etc/passwd", "volume/", "proc/"]) {
        assert.ok(names.includes(there), there);
      }
      for (const absent of [
        "volume/file",
        "scratch/file",
        "proc/1/",
        "bin/wget",
        "lost+found/",
        "./",
      ]) {
        assert.ok(!names.includes(absent), absent);
      }
      await daemon.docker("rm", "-fv", name);
    });
  }

  test("import makes an image of a file system's tar, compressed or not", async () => {
    const tar = (await daemon.tryDocker(["export", "plain"])).stdout;
    const changes = ["-c", 'CMD ["echo", "imported"]', "-c", "USER 5:6", "-m", "from afar"];
    for (const [form, bytes] of [
      ["plain", tar],
      ["gzip", gzipSync(tar)],
      ["zstd", zstdCompressSync(tar)],
    ] as const) {
      const file = join(daemon.folder, `${form}.tar`);
      await writeFile(file, bytes);
      const name = `imported:${form}`;
      const id = (await daemon.docker("import", ...changes, file, name)).trim();
      const inspect = ["image", "inspect", "-f", "{{.Id}} {{.Comment}} {{.Config.User}}", name];
      assert.equal((await daemon.docker(...inspect)).trim(), `${id} from afar 5:6`);
      for (const isolation of ["container", "vm"]) {
        const run = ["run", "--rm", `--isolation=${isolation}`, name];
        assert.equal(await daemon.docker(...run), "imported\n");
      }
    }
  });

  test("import of what is no tar, or climbs out of its root, leaves no image", async () => {
    const before = await daemon.docker("images", "-aq");
    const climbing = archiveOf([{ kind: "file", name: "../../climbed", data: "x" }]);
    for (const bytes of [
      Buffer.from("no tar at all".repeat(100)),
      gzipSync("cut").subarray(0, 9),
      climbing,
    ]) {
      const file = join(daemon.folder, "bad.tar");
      await writeFile(file, bytes);
      const said = await daemon.tryDocker(["import", file, "bad:1"]);
      assert.equal(said.code, 1, said.stdout.toString());
    }
    assert.equal(await daemon.docker("images", "-aq"), before);
  });

  test("commit refuses names and changes that are none, in Docker's words", async () => {
    const tried = [
      [["commit", "plain", "UPPER"], /repository name .* must be lowercase/],
      [["commit", "-c", "RUN true", "plain"], /RUN is not a valid change command/],
      [["commit", "-c", "EXPOSE 99999", "plain"], /invalid containerPort/i],
      [["commit", "absent"], /No such container: absent/],
    ] as const;
    for (const [words, message] of tried) {
      const said = await daemon.tryDocker(words);
      assert.equal(said.code, 1, words.join(" "));
      assert.match(said.stderr, message);
    }
    assert.match(await daemon.docker("commit", "plain"), /^sha256:[0-9a-f]{64}\n$/);
  });
});

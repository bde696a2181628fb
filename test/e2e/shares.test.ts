import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

const script = join(import.meta.dirname, "shares.py");

/** docs/isolation-verbs.md tells of them; those that a newer QEMU or kernel can do may work. */
const notInMachines: Readonly<Record<string, readonly string[]>> = {
  truncate_after_removal: ["ENOENT", "ok"],
  nameless_file: ["ENOTSUP", "EOPNOTSUPP"],
  named_pipe: ["ENXIO", "ok"],
  socket_file: ["ENXIO", "ok"],
  device_file: ["EPERM"],
  set_nanoseconds: ["wrong", "ok"],
  exchange_names: ["EINVAL"],
};

describe("files of a bind mount and of a volume", { timeout: 1_500_000 }, () => {
  const owner = ownerOfTests();
  let daemon: TestDaemon;

  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    await loadImages(daemon, "busybox");
    await mkdir(join(daemon.folder, "bound"));
  });

  for (const isolation of ["container", "vm"]) {
    test(`do in a ${isolation} what programs ask of them, but for what is documented`, async () => {
      // The host's own Python, since no image here has one.
      const host = ["/usr", "/lib64"].flatMap((path) => ["-v", `${path}:${path}:ro`]);
      const mounts = ["-v", `${script}:/script.py:ro`, "-v", `${daemon.folder}/bound:/bound`];
      const run = [
        "run",
        "--rm",
        `--isolation=${isolation}`,
        ...host,
        ...mounts,
        "-v",
        "kept:/kept",
      ];
      for (const place of ["/bound", "/kept"]) {
        const python = ["busybox", "/usr/bin/python3", "/script.py", `${place}/${isolation}`];
        const lines = (await daemon.docker(...run, ...python)).trim().split("\n");
        assert.ok(lines.length > 25, lines.join("\n"));
        for (const line of lines) {
          const [act = "", ...said] = line.split(" ");
          const known = isolation === "vm" && Object.hasOwn(notInMachines, act);
          const allowed = known ? notInMachines[act]! : ["ok"];
          // The host's own file system may have none either.
          if (act !== "nameless_file" || known) {
            assert.ok(allowed.includes(said.join(" ")), `${place}: ${line}`);
          }
        }
      }
      const owned = await stat(join(daemon.folder, "bound", isolation, "owned"));
      assert.deepEqual([owned.uid, owned.gid, owned.mode & 0o7777], [1000, 50, 0o4755]);
      const program = join(daemon.folder, "bound", isolation, "program");
      assert.match(await readFile(program, "utf8"), /echo ran/);
    });

    test(`of a ${isolation} that does not run are copied in and out`, async () => {
      const box = `still-${isolation}`;
      const bound = join(daemon.folder, "bound");
      const mounts = ["-v", `data-${isolation}:/root`, "-v", `${bound}:/read:ro`];
      const create = ["create", `--isolation=${isolation}`, "--name", box, ...mounts];
      await daemon.docker(...create, "busybox", "cat", "/root/file");
      const file = join(daemon.folder, "file");
      await writeFile(file, `of the ${isolation}\n`);
      await daemon.docker("cp", file, `${box}:/root/file`);
      const back = join(daemon.folder, `back-${isolation}`);
      await daemon.docker("cp", `${box}:/root/file`, back);
      assert.equal(await readFile(back, "utf8"), `of the ${isolation}\n`);
      const refused = await daemon.tryDocker(["cp", file, `${box}:/read/file`]);
      assert.notEqual(refused.code, 0);
      assert.equal(await daemon.docker("start", "-a", box), `of the ${isolation}\n`);
      assert.doesNotMatch(await daemon.docker("diff", box), /root\/file/);
      await daemon.docker("rm", "-v", box);
    });
  }
});

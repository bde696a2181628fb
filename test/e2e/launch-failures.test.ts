import assert from "node:assert/strict";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

const launch = "unable to start container process: ";
const mounted =
  ": Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type";

/** What clients look for in Docker's words; the same for both isolations. */
const execs: readonly (readonly [words: readonly string[], code: number, said: string])[] = [
  [["nothing"], 127, 'exec: "nothing": executable file not found in $PATH'],
  [["/nope"], 127, 'exec: "/nope": stat /nope: no such file or directory'],
  [["/etc"], 126, 'exec: "/etc": permission denied'],
  [["/etc/group"], 126, 'exec: "/etc/group": permission denied'],
  [["/bad"], 126, 'exec: "/bad": exec format error'],
];

const runs: readonly (readonly [words: readonly string[], code: number, said: string])[] = [
  [["busybox", "nothing"], 127, 'exec: "nothing": executable file not found in $PATH'],
  [["busybox", "/etc"], 126, 'exec: "/etc": permission denied'],
  [
    ["--workdir", "/etc/group", "busybox", "true"],
    127,
    `error during container init: mkdir /etc/group: not a directory: unknown${mounted}`,
  ],
  [
    ["--sysctl", "net.absent=1", "busybox", "true"],
    128,
    "error during container init: open /proc/sys/net/absent: no such file or directory",
  ],
  [
    ["--sysctl", "net.core.somaxconn=much", "busybox", "true"],
    128,
    "error during container init: write /proc/sys/net/core/somaxconn: invalid argument",
  ],
];

describe("a process that cannot be run", { timeout: 1_500_000 }, () => {
  const owner = ownerOfTests();
  let daemon: TestDaemon;
  let bad: string;

  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    await loadImages(daemon, "busybox");
    bad = join(daemon.folder, "bad");
    await writeFile(bad, "\u007fELF and nothing of it");
    await chmod(bad, 0o755);
  });

  for (const isolation of ["container", "vm"]) {
    const option = `--isolation=${isolation}`;

    test(`of a ${isolation}: exec says why in Docker's words, with Docker's exit code`, async () => {
      const box = ["--name", "box", "-v", `${bad}:/bad`, "busybox", "sleep", "1000"];
      await daemon.docker("run", "-d", option, ...box);
      for (const [words, code, said] of execs) {
        const done = await daemon.tryDocker(["exec", "box", ...words]);
        assert.equal(done.code, code, said);
        const whole = `OCI runtime exec failed: exec failed: ${launch}${said}: unknown`;
        assert.equal((done.stdout.toString() + done.stderr).trim(), whole);
      }
      const away = await daemon.tryDocker(["exec", "-w", "/absent", "box", "true"]);
      assert.match(away.stdout.toString(), /chdir to cwd \("\/absent"\) .*: no such file or dir/);
      await daemon.docker("rm", "-f", "box");
    });

    test(`of a ${isolation}: a start says why, and the exit code is noted`, async () => {
      for (const [words, code, said] of runs) {
        const done = await daemon.tryDocker(["run", "-d", option, "--name", "box", ...words]);
        const whole = `OCI runtime create failed: runc create failed: ${launch}${said}`;
        assert.ok(done.stderr.includes(whole), done.stderr);
        const format = "{{.State.ExitCode}} {{.State.Error}}";
        const noted = await daemon.docker("inspect", "-f", format, "box");
        assert.ok(noted.startsWith(`${code} ${whole}`), noted);
        await daemon.docker("rm", "box");
      }
    });

    test(`of a ${isolation}: what only looks like a program ends with the reason in its output`, async () => {
      const run = ["run", "--rm", option, "-v", `${bad}:/bad`, "busybox", "/bad"];
      const done = await daemon.tryDocker(run);
      assert.match(done.stderr, /^exec \/bad: exec format error$/m);
      assert.ok(done.code === 1 || done.code === 255, `runc's code, by its version: ${done.code}`);
    });

    test(`of a ${isolation}: a read-only root gets its working directory all the same`, async () => {
      const run = ["run", "--rm", option, "--read-only", "-w", "/made/here", "busybox", "pwd"];
      assert.equal(await daemon.docker(...run), "/made/here\n");
    });
  }
});

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { before, describe, test } from "node:test";
import { readTar } from "../../src/kit/tar/reader.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

/** Two files that are the same but for the moment between two steps. */
const writer =
  "i=0; while true; do i=$((i+1)); for name in one two; do echo $i > /new; mv /new /$name; done; done";

describe("what is paused", { timeout: 1_500_000 }, () => {
  const owner = ownerOfTests();
  let daemon: TestDaemon;

  before(async () => {
    daemon = await TestDaemon.start(owner, { flags: ["--vm-pool-size", "0"], vmTemplates: true });
    await loadImages(daemon, "busybox");
    await daemon.docker("network", "create", "--subnet", "10.46.0.0/24", "more");
    await daemon.docker(
      "run",
      "-d",
      "--name",
      "peer",
      "--network",
      "more",
      "busybox",
      "sleep",
      "1000",
    );
  });

  for (const isolation of ["container", "vm"]) {
    const name = `box-${isolation}`;
    const run = ["run", "-d", `--isolation=${isolation}`];
    const state = async (): Promise<string> =>
      (await daemon.docker("inspect", "-f", "{{.State.Status}}", name)).trim();
    const numberIn = async (path: string): Promise<number> =>
      Number((await daemon.docker("exec", name, "cat", path)).trim());
    /** Waits until the workload has counted on. */
    const goesOn = async (): Promise<void> => {
      const from = await numberIn("/one");
      while ((await numberIn("/one")) === from) continue;
    };

    test(`a paused ${isolation} stands still, and is read, listed and connected all the same`, async () => {
      await daemon.docker(...run, "--name", name, "busybox", "sh", "-c", writer);
      while ((await daemon.tryDocker(["exec", name, "cat", "/two"])).code !== 0) continue;
      await daemon.docker("pause", name);
      assert.equal(await state(), "paused");
      const first = (await daemon.tryDocker(["cp", `${name}:/one`, "-"])).stdout;
      const exec = await daemon.tryDocker(["exec", name, "true"]);
      assert.match(exec.stderr, /is paused, unpause the container before exec/);
      assert.match(await daemon.docker("top", name), /while true/);
      assert.match(await daemon.docker("diff", name), /^A \/one$/m);
      await daemon.docker("network", "connect", "more", name);
      const second = (await daemon.tryDocker(["cp", `${name}:/one`, "-"])).stdout;
      assert.deepEqual(first, second);
      await daemon.docker("unpause", name);
      await daemon.docker("exec", name, "ping", "-c", "1", "-W", "60", "peer");
      await goesOn();
      await daemon.docker("pause", name);
      await daemon.docker("network", "disconnect", "more", name);
      await daemon.docker("unpause", name);
      const links = await daemon.docker("exec", name, "ip", "-o", "link");
      assert.equal(links.trim().split("\n").length, 2, links);
    });

    test(`what the kernel of a ${isolation} makes up is copied out by the file, and not by the folder`, async () => {
      const copied = async (path: string): Promise<readonly string[]> => {
        const { stdout } = await daemon.tryDocker(["cp", `${name}:${path}`, "-"], [0]);
        const members: string[] = [];
        for await (const entry of readTar(Readable.from([stdout]))) {
          let content = "";
          if (entry.size > 0)
            for await (const { data } of entry.pieces()) content += data.toString();
          members.push(`${entry.name.toString()}: ${content}`);
        }
        return members;
      };
      assert.deepEqual(await copied("/proc"), ["proc: "]);
      assert.deepEqual(await copied("/sys/kernel"), ["kernel: "]);
      const version = await daemon.docker("exec", name, "cat", "/proc/version");
      assert.deepEqual(await copied("/proc/version"), [`version: ${version}`]);
    });

    test(`commit pauses a ${isolation} while it is read, and lets it go on`, async () => {
      const since = new Date().toISOString();
      await daemon.docker("commit", name, `read:${isolation}`);
      const both = await daemon.docker("run", "--rm", `read:${isolation}`, "cat", "/one", "/two");
      const [one = "", two = ""] = both.split("\n");
      assert.ok(Number(one) - Number(two) <= 1 && Number(one) >= Number(two), both);
      assert.equal(await state(), "running");
      const words = ["--since", since, "--until", new Date().toISOString()];
      const filter = ["--filter", `container=${name}`, "--format", "{{.Action}}"];
      const told = (await daemon.docker("events", ...words, ...filter)).trim().split("\n");
      const wanted = new Set(["pause", "unpause", "commit"]);
      assert.deepEqual(new Set(told.filter((action) => wanted.has(action))), wanted);
      await daemon.docker("commit", "--pause=false", name, `unread:${isolation}`);
      await goesOn();
    });

    for (const failpoint of ["pause.paused", "commit.paused"]) {
      test(`a daemon killed while it commits a ${isolation}, at ${failpoint}, lets it go on after`, async () => {
        await daemon.end("SIGTERM");
        await daemon.launch(`${failpoint}=kill`);
        const attempt = daemon.tryDocker(["commit", name]);
        await daemon.ended();
        await attempt;
        await daemon.launch();
        assert.equal(await state(), "running");
        await goesOn();
      });
    }

    test(`a ${isolation} that the user has paused stays so when the daemon is killed`, async () => {
      await daemon.docker("pause", name);
      await daemon.end("SIGKILL");
      await daemon.launch();
      assert.equal(await state(), "paused");
      await daemon.docker("unpause", name);
      await goesOn();
      await daemon.docker("pause", name);
      await daemon.docker("kill", name);
      assert.equal((await daemon.docker("wait", name)).trim(), "137");
      await daemon.docker("rm", name);
    });

    test(`a ${isolation} that began on no network is connected once it has left "none"`, async () => {
      const lone = `lone-${isolation}`;
      await daemon.docker(...run, "--name", lone, "--network", "none", "busybox", "sleep", "1000");
      const refused = await daemon.tryDocker(["network", "connect", "more", lone]);
      assert.match(refused.stderr, /private \(none\) mode/);
      await daemon.docker("network", "disconnect", "none", lone);
      const links = await daemon.docker("exec", lone, "ip", "-o", "link");
      assert.equal(links.trim().split("\n").length, 1, links);
      for (const _round of [1, 2]) {
        await daemon.docker("network", "connect", "more", lone);
        await daemon.docker("exec", lone, "ping", "-c", "1", "-W", "60", "peer");
        await daemon.docker("network", "disconnect", "more", lone);
      }
      await daemon.docker("rm", "-f", lone);
    });
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { containersOnly, TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";

test("networks of containers behave as Docker's", async (context) => {
  const daemon = await TestDaemon.start(context, { flags: containersOnly });
  await loadImages(daemon, "busybox");
  const create = (name: string): Promise<string> => daemon.docker("network", "create", name);

  await context.test(
    "a start on a network that is gone says so, and finds it made again",
    async () => {
      await create("lost");
      await daemon.docker(
        "create",
        "--name",
        "box",
        "--network",
        "lost",
        "busybox",
        "sleep",
        "1000",
      );
      await daemon.docker("network", "rm", "lost");
      const refused = await daemon.tryDocker(["start", "box"]);
      assert.match(refused.stderr, /network lost not found/);
      await create("lost");
      await daemon.docker("start", "box");
      assert.match(await daemon.docker("exec", "box", "ip", "-o", "-4", "addr"), /eth0/);
      const used = await daemon.tryDocker(["network", "rm", "lost"]);
      assert.match(used.stderr, /has active endpoints/);
      await daemon.docker("rm", "-f", "box");
      await daemon.docker("network", "rm", "lost");
    },
  );

  await context.test(
    "a network is made from a configuration, which nobody connects to",
    async () => {
      const make = async (...args: string[]): Promise<string> =>
        (await daemon.tryDocker(["network", "create", ...args])).stderr;
      const settings = ["--subnet", "10.213.44.0/24", "--label", "a=b", "--internal"];
      assert.equal(await make("--config-only", ...settings, "settings"), "");
      assert.equal(await make("--config-only", "--subnet", "10.213.44.0/24", "same"), "");
      assert.match(await make("--config-from", "absent", "made"), /"absent" does not exist/);
      assert.match(await make("--config-from", "bridge", "made"), /"bridge" does not exist/);
      assert.match(
        await make("--config-from", "settings", "--label", "x=y", "made"),
        /user specified configurations are not supported/,
      );
      assert.equal(await make("--config-from", "settings", "made"), "");
      const shown = async (name: string, form: string): Promise<string> =>
        await daemon.docker("network", "inspect", "-f", form, name);
      const form = "{{.Driver}} {{.Internal}} {{.Labels.a}} {{(index .IPAM.Config 0).Subnet}}";
      assert.equal(await shown("made", form), "bridge true b 10.213.44.0/24\n");
      assert.equal(await shown("settings", form), "null true b 10.213.44.0/24\n");
      assert.equal(
        await shown("made", "{{.ConfigFrom.Network}} {{.ConfigOnly}}"),
        "settings false\n",
      );
      const address = ["ip", "-o", "-4", "addr", "show", "eth0"];
      const run = ["run", "--rm", "--network"];
      assert.match(await daemon.docker(...run, "made", "busybox", ...address), /10\.213\.44\./);
      assert.match(
        (await daemon.tryDocker([...run, "settings", "busybox", "true"])).stderr,
        /cannot create endpoint on configuration-only network/,
      );
      await daemon.end("SIGKILL");
      await daemon.launch();
      assert.match(
        (await daemon.tryDocker(["network", "rm", "settings"])).stderr,
        /configuration network "settings" is in use/,
      );
      await daemon.docker("network", "prune", "-f");
      assert.equal(
        await daemon.docker("network", "ls", "-f", "type=custom", "--format", "{{.Name}}"),
        "same\nsettings\n",
      );
      await daemon.docker("network", "rm", "same", "settings");
    },
  );

  await context.test("a network that is not there is named, not the image pulled", async () => {
    const refused = await daemon.tryDocker([
      "run",
      "--name",
      "lonely",
      "--network",
      "nowhere",
      "busybox",
      "true",
    ]);
    assert.equal(refused.code, 125);
    assert.match(refused.stderr, /network nowhere not found/);
    assert.doesNotMatch(refused.stderr, /Unable to find image/);
    await daemon.docker("rm", "lonely");
    await daemon.docker("create", "--name", "early", "--network", "later", "busybox", "sleep", "9");
    await create("later");
    await daemon.docker("start", "early");
    assert.match(await daemon.docker("exec", "early", "nslookup", "early"), /Address/);
    await daemon.docker("rm", "-f", "early");
    await daemon.docker("network", "rm", "later");
  });

  await context.test(
    "a renamed container is found by its new name, and no more by the old one",
    async () => {
      await create("names");
      const box = ["run", "-d", "--network", "names"];
      await daemon.docker(...box, "--name", "asks", "busybox", "sleep", "1000");
      await daemon.docker(...box, "--name", "old-name", "busybox", "sleep", "1000");
      await daemon.docker("exec", "asks", "nslookup", "old-name");
      await daemon.docker("rename", "old-name", "new-name");
      assert.match(await daemon.docker("exec", "asks", "nslookup", "new-name"), /Address/);
      assert.notEqual((await daemon.tryDocker(["exec", "asks", "nslookup", "old-name"])).code, 0);
      await daemon.docker("rm", "-f", "asks", "new-name");
      await daemon.docker("network", "rm", "names");
    },
  );

  await context.test("interfaces come and go in any order", async () => {
    await create("first");
    await create("second");
    await daemon.docker(
      "run",
      "-d",
      "--name",
      "box",
      "--network",
      "first",
      "busybox",
      "sleep",
      "1000",
    );
    await daemon.docker("network", "connect", "second", "box");
    await daemon.docker("network", "disconnect", "first", "box");
    await daemon.docker("network", "connect", "first", "box");
    const links = await daemon.docker("exec", "box", "ip", "-o", "link");
    assert.equal(links.trim().split("\n").length, 3, links);
    await daemon.docker("restart", "-t", "0", "box");
    assert.match(await daemon.docker("exec", "box", "ip", "-o", "link"), /eth1/);
    await daemon.docker("rm", "-f", "box");
    await daemon.docker("network", "rm", "first", "second");
  });

  await context.test("a port is free again as soon as a stop or a run has answered", async () => {
    const publish = ["-p", "8080:80", "busybox"];
    for (let round = 0; round < 4; round += 1) {
      await daemon.docker("run", "--rm", ...publish, "true");
      await daemon.docker("run", "-d", "--name", "held", ...publish, "sleep", "1000");
      const taken = await daemon.tryDocker(["run", "--rm", ...publish, "true"]);
      assert.equal(taken.code, 125);
      assert.match(taken.stderr, /8080/);
      await daemon.docker("stop", "-t", "0", "held");
      await daemon.docker("rm", "held");
    }
  });

  await context.test(
    "who has the host's network or none is told of there, and none can be left",
    async () => {
      await create("joined-later");
      const run = ["run", "-d", "--network"];
      await daemon.docker(...run, "host", "--name", "hosted", "busybox", "sleep", "1000");
      await daemon.docker(...run, "none", "--name", "alone", "busybox", "sleep", "1000");
      for (const [network, name] of [
        ["host", "hosted"],
        ["none", "alone"],
      ] as const) {
        const members = await daemon.docker(
          "network",
          "inspect",
          "-f",
          "{{json .Containers}}",
          network,
        );
        assert.match(members, new RegExp(`"Name":"${name}"`));
        const listed = [
          "ps",
          "--filter",
          `network=${network}`,
          "--format",
          "{{.Names}} {{.Networks}}",
        ];
        assert.equal((await daemon.docker(...listed)).trim(), `${name} ${network}`);
      }
      const connect = ["network", "connect", "joined-later"];
      assert.match(
        (await daemon.tryDocker([...connect, "hosted"])).stderr,
        /sharing network namespace/,
      );
      assert.match((await daemon.tryDocker([...connect, "alone"])).stderr, /private \(none\) mode/);
      const leave = await daemon.tryDocker(["network", "disconnect", "host", "hosted"]);
      assert.match(leave.stderr, /created in host network mode/);
      await daemon.docker("network", "disconnect", "none", "alone");
      await daemon.docker(...connect, "alone");
      assert.match(await daemon.docker("exec", "alone", "nslookup", "alone"), /Address/);
      await daemon.docker("restart", "-t", "0", "alone");
      assert.match(await daemon.docker("exec", "alone", "ip", "route"), /default via/);
      await daemon.docker("rm", "-f", "hosted", "alone");
      await daemon.docker("network", "rm", "joined-later");
    },
  );

  await context.test("one of two removals of a network at once finds none", async () => {
    await create("twice");
    const results = await Promise.all(
      [1, 2].map(() => daemon.tryDocker(["network", "rm", "twice"])),
    );
    assert.deepEqual(
      results.map((result) => result.code).toSorted((a, b) => a - b),
      [0, 1],
    );
  });

  await context.test("a joined network brings its names and hostname along", async () => {
    await create("joined");
    await daemon.docker(
      "run",
      "-d",
      "--name",
      "owner",
      "--network",
      "joined",
      "busybox",
      "sleep",
      "1000",
    );
    const inside = ["run", "--rm", "--network", "container:owner", "busybox"];
    assert.match(await daemon.docker(...inside, "nslookup", "owner"), /Address/);
    assert.equal(
      await daemon.docker(...inside, "hostname"),
      await daemon.docker("exec", "owner", "hostname"),
    );
    await daemon.docker("rm", "-f", "owner");
    await daemon.docker("network", "rm", "joined");
  });
  await daemon.assertNothingOf("the networks' containers");
});

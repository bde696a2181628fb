import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { buildReach } from "./reach/reach.ts";

test("a container and a virtual machine on one network reach each other by name, and no other network", async (context) => {
  const daemon = await TestDaemon.start(context);
  await loadImages(daemon, "busybox");
  const mount = ["-v", `${buildReach(context)}:/reach:ro`];
  await daemon.docker("network", "create", "both");
  await daemon.docker("network", "create", "apart");
  const serve = async (name: string, network: string, ...more: string[]): Promise<void> => {
    const named = ["--name", name, "--hostname", name, "--network", network];
    await daemon.docker(
      "run",
      "-d",
      ...named,
      ...mount,
      ...more,
      "busybox",
      "/reach/reach",
      "serve",
      "7000",
    );
  };
  await Promise.all([
    serve("box", "both"),
    serve("machine", "both", "--isolation=vm"),
    serve("stranger", "apart"),
  ]);
  const ask = async (from: string, protocol: string, to: string, seconds = "60") => {
    const words = ["exec", from, "/reach/reach", protocol, to, "7000", seconds];
    const answer = await daemon.tryDocker(words);
    return answer.code === 0 ? answer.stdout.toString().split(" ")[0] : "nothing";
  };
  const addressOf = async (name: string, network: string): Promise<string> => {
    const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    return (await daemon.docker("inspect", "-f", format, name)).trim();
  };

  for (const protocol of ["tcp", "udp"]) {
    await context.test(`both directions over ${protocol}, by name`, async () => {
      assert.equal(await ask("box", protocol, "machine"), "machine");
      assert.equal(await ask("machine", protocol, "box"), "box");
    });

    await context.test(`from another network neither over ${protocol}`, async () => {
      const stranger = await addressOf("stranger", "apart");
      const tried = [
        ["stranger", await addressOf("box", "both")],
        ["stranger", await addressOf("machine", "both")],
        ["box", stranger],
        ["machine", stranger],
      ] as const;
      const found = await Promise.all(tried.map(([from, to]) => ask(from, protocol, to, "1")));
      assert.deepEqual(found, ["nothing", "nothing", "nothing", "nothing"]);
      assert.equal(await ask("stranger", protocol, stranger), "stranger");
    });
  }

  await context.test("both are named by the network's server alone", async () => {
    for (const [from, name] of [
      ["box", "machine"],
      ["machine", "box"],
    ] as const) {
      const answer = await daemon.docker("exec", from, "nslookup", name);
      assert.match(answer, new RegExp(`Name:\\s+${name}\nAddress: 172\\.`));
    }
    assert.notEqual((await daemon.tryDocker(["exec", "stranger", "nslookup", "machine"])).code, 0);
  });
});

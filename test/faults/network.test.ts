import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { armFailpoints, disarmFailpoints } from "../../src/kit/failpoint.ts";
import { Host, ip, leaveHostNetwork, sh, signal } from "../drivers/network/places.ts";

leaveHostNetwork();

const steps = [
  "network.up.bridge",
  "network.up.rules",
  "network.connect.rules",
  "network.connect.device",
  "network.publish.ports",
  "network.publish.rules",
  "network.disconnect.device",
  "network.disconnect.rules",
  "network.down.bridge",
];

const child = fileURLToPath(new URL("../drivers/network/crash-child.ts", import.meta.url));

for (const step of steps) {
  test(`a daemon killed at ${step} leaves nothing that a later one does not remove`, async () => {
    const links = ip("-br link");
    await using host = await Host.make();
    const place = await host.place();
    const args = [child, host.instance, host.folder, String(place.thread), step];
    const crashing = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
    const [, by] = (await once(crashing, "exit")) as [number | null, string | null];
    assert.equal(by, "SIGKILL");
    await host.driver.restore([], [], signal);
    assert.equal(ip("-br link"), links);
    assert.equal(sh("nft", "list", "ruleset"), "");
    const network = await host.network("after");
    const one = await host.join(network, [], {}, place);
    const two = await host.join(network);
    await one.place.serveTcp(80);
    assert.equal(await two.place.askTcp(one.endpoint.ipv4, 80), two.endpoint.ipv4);
  });
}

for (const step of [
  "network.up.bridge",
  "network.up.rules",
  "network.connect.rules",
  "network.publish.ports",
  "network.publish.rules",
]) {
  test(`a failure at ${step} is undone, and the next try succeeds`, async () => {
    const links = ip("-br link");
    {
      await using host = await Host.make();
      const attempt = async (): Promise<void> => {
        const network = host.networks[0] ?? (await host.network("net"));
        const known = host.live[0];
        const { endpoint } = known ?? (await host.join(network));
        const web = {
          protocol: "tcp",
          containerPort: 80,
          hostAddress: "",
          hostPort: 8080,
          hostPortEnd: 0,
        } as const;
        await host.driver.publish(network, endpoint, [web], signal);
      };
      armFailpoints(`${step}=error`);
      try {
        await assert.rejects(attempt(), { code: "FAILPOINT" });
      } finally {
        disarmFailpoints();
      }
      assert.equal(sh("nft", "list", "ruleset").includes("8080"), false);
      await attempt();
    }
    assert.equal(ip("-br link"), links);
    assert.equal(sh("nft", "list", "ruleset"), "");
  });
}

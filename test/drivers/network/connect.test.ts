import assert from "node:assert/strict";
import { test } from "node:test";
import { Host, ip, leaveHostNetwork, sh, signal } from "./places.ts";

leaveHostNetwork();

test("two containers of one network reach each other over TCP and UDP", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const one = await host.join(network, ["one"]);
  const two = await host.join(network, ["two"]);
  await two.place.serveTcp(80);
  await two.place.serveUdp(80);
  assert.equal(await one.place.askTcp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
  assert.equal(await one.place.askUdp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
});

test("a connection to the network takes at most 10 ms", async () => {
  await using host = await Host.make();
  const network = await host.network("quick");
  const places = [await host.place(), await host.place(), await host.place()];
  await host.join(network);
  const times: number[] = [];
  for (const [index, place] of places.entries()) {
    const id = String(index).repeat(64);
    const lease = host.driver.reserve(network, id, host.live[0]!.endpoint.spec);
    const endpoint = { ...host.live[0]!.endpoint, ...lease, id };
    const start = performance.now();
    await host.driver.connect(
      network,
      endpoint,
      { kind: "netns", pid: place.thread },
      "eth0",
      signal,
    );
    times.push(performance.now() - start);
  }
  assert.ok(Math.min(...times) < 10, `took ${times.join(", ")} ms`);
});

test("nothing is left after the last network went down", async () => {
  const links = ip("-br link");
  {
    await using host = await Host.make();
    const network = await host.network("gone");
    await host.join(network);
    const { endpoint } = await host.join(network);
    await host.driver.publish(
      network,
      endpoint,
      [{ protocol: "tcp", containerPort: 80, hostAddress: "", hostPort: 0, hostPortEnd: 0 }],
      signal,
    );
    assert.match(sh("nft", "list", "ruleset"), /duet_/);
  }
  assert.equal(sh("nft", "list", "ruleset"), "");
  assert.equal(ip("-br link"), links);
});

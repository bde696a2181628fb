import assert from "node:assert/strict";
import { test } from "node:test";
import { Host, ip, leaveHostNetwork, sh, signal } from "./places.ts";
import { askTcp } from "./traffic.ts";

leaveHostNetwork();

const web = {
  protocol: "tcp",
  containerPort: 80,
  hostAddress: "",
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;

/** Waits for an event of the driver's log. */
async function logged(host: Host, event: string): Promise<void> {
  while (!host.events.some((one) => one.event === event)) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

test("rules that somebody flushes are back at once, with every network, endpoint and port", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const red = await host.network("red");
  const blue = await host.network("blue");
  const one = await host.join(red);
  const two = await host.join(blue);
  await two.place.serveTcp(80);
  await host.driver.publish(blue, two.endpoint, [web], signal);
  const before = sh("nft", "list", "ruleset");
  for (const words of [
    "flush ruleset",
    `delete table bridge duet_${host.instance}`,
    `flush chain inet duet_${host.instance} from_workload`,
  ]) {
    host.events.length = 0;
    sh("nft", words);
    await logged(host, "firewall-rules-lost");
    await host.join(red);
    assert.equal(sh("nft", "list", "ruleset").includes("from_workload"), true);
    assert.equal(await one.place.tryTcp(two.endpoint.ipv4, 80), "timeout");
    assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
  }
  assert.ok(before.length > 0);
});

test("a later daemon takes over what runs, without a gap, and removes what nobody needs any more", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const kept = await host.network("kept");
  const dropped = await host.network("dropped");
  const one = await host.join(kept, ["one"]);
  const gone = await host.join(kept, ["gone"]);
  await host.join(dropped);
  await one.place.serveTcp(80);
  const ports = await host.driver.publish(kept, one.endpoint, [web], signal);
  await host.restart();
  assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
  assert.equal(await askTcp("127.0.0.1", 8080), one.endpoint.ipv4Gateway);
  const endpoint = { ...one.endpoint, ports };
  await host.driver.restore([kept], [{ network: kept, endpoint }], signal);
  host.networks.splice(1);
  assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
  assert.equal(await askTcp("::1", 8080), one.endpoint.ipv4Gateway);
  assert.equal(ip("-br link").includes(dropped.bridge), false);
  assert.equal(ip("-br link").includes(`dv${gone.endpoint.id.slice(0, 12)}`), false);
  assert.equal(sh("nft", "list", "ruleset").includes(gone.endpoint.ipv4), false);
  assert.equal(sh("nft", "list", "ruleset").includes(dropped.bridge), false);
  const later = await host.join(kept);
  assert.notEqual(later.endpoint.ipv4, one.endpoint.ipv4);
  assert.equal(await later.place.askTcp(one.endpoint.ipv4, 80), later.endpoint.ipv4);
  await host.driver.disconnect(kept, endpoint, signal);
  await host.driver.disconnect(kept, endpoint, signal);
  assert.equal(sh("nft", "list", "ruleset").includes(`: ${one.endpoint.ipv4} . 80`), false);
});

test("a daemon that finds no rules and no devices brings its networks up again", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { endpoint } = await host.join(network);
  await host.driver.close();
  sh("nft", "flush", "ruleset");
  ip(`link del ${network.bridge}`);
  await host.restart();
  await host.driver.restore([network], [{ network, endpoint }], signal);
  const one = await host.join(network);
  const two = await host.join(network);
  await two.place.serveTcp(80);
  assert.equal(await one.place.askTcp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
});

test("rules that are flushed while no daemon runs are back when one starts", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const red = await host.network("red");
  const blue = await host.network("blue", { enableIpv6: true });
  const one = await host.join(red);
  const two = await host.join(blue);
  await two.place.serveTcp(80, "::");
  const ports = await host.driver.publish(blue, two.endpoint, [web], signal);
  await host.driver.close();
  sh("nft", "flush", "ruleset");
  await host.restart();
  const live = [
    { network: red, endpoint: one.endpoint },
    { network: blue, endpoint: { ...two.endpoint, ports } },
  ];
  await host.driver.restore(host.networks, live, signal);
  assert.equal(await one.place.tryTcp(two.endpoint.ipv4, 80), "timeout");
  assert.equal(await outside.askTcp("198.51.100.1", 8080), "::ffff:198.51.100.9");
  assert.equal(await outside.askTcp("2001:db8:1::1", 8080), "2001:db8:1::9");
  await outside.ip(`-6 route add ${blue.pools[1]!.subnet} via 2001:db8:1::1`);
  assert.equal(await outside.tryTcp(two.endpoint.ipv6, 80), "timeout");
});

test("another daemon's networks, and tables of others, are left alone", async () => {
  await using host = await Host.make();
  await using other = await Host.make();
  const mine = await host.network("mine");
  const theirs = await other.network("theirs");
  const one = await other.join(theirs);
  const two = await other.join(theirs);
  const three = await host.join(mine);
  await two.place.serveTcp(80);
  await host.restart();
  await host.driver.restore([], [], signal);
  host.networks.splice(0);
  assert.equal(await one.place.askTcp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
  assert.equal(await three.place.canPing(two.endpoint.ipv4, 1), false);
  assert.equal(ip("-br link").includes(mine.bridge), false);
});

test("traffic of an endpoint is counted from the workload's side", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  const before = await host.driver.counters?.(network, endpoint);
  await place.serveUdp(80);
  await place.askUdp(endpoint.ipv4Gateway, 80, "x".repeat(1000));
  const after = await host.driver.counters?.(network, endpoint);
  assert.ok((after?.sentBytes ?? 0) - (before?.sentBytes ?? 0) >= 1000);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { Host, ip, leaveHostNetwork, signal } from "../drivers/network/places.ts";
import { askTcp, serveTcp, stopServing } from "../drivers/network/traffic.ts";

leaveHostNetwork();

test("networks do not reach each other, whichever gateway they try", async () => {
  await using host = await Host.make();
  const red = await host.network("red");
  const blue = await host.network("blue");
  const one = await host.join(red);
  const two = await host.join(blue);
  await one.place.serveTcp(80);
  await two.place.serveTcp(80);
  assert.equal(await one.place.tryTcp(two.endpoint.ipv4, 80), "timeout");
  assert.equal(await two.place.tryTcp(one.endpoint.ipv4, 80), "timeout");
  assert.equal(await one.place.canPing(one.endpoint.ipv4Gateway), true);
  assert.equal(await one.place.canPing(two.endpoint.ipv4Gateway, 1), false);
});

test("a workload reaches no service of the host by any of its addresses", async () => {
  await using host = await Host.make();
  await host.outside();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await serveTcp(2375, "0.0.0.0");
  try {
    assert.equal(await place.askTcp(endpoint.ipv4Gateway, 2375), "refused");
    assert.equal(await place.askTcp("198.51.100.1", 2375), "refused");
    assert.equal(await askTcp(endpoint.ipv4Gateway, 2375), endpoint.ipv4Gateway);
  } finally {
    stopServing();
  }
});

test("a workload does not reach the host's loopback, though its bridge routes it for published ports", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  const binding = {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: 0,
  } as const;
  await host.driver.publish(network, endpoint, [binding], signal);
  await serveTcp(2375, "127.0.0.1");
  try {
    await place.ip("link set lo down");
    await place.ip("addr del 127.0.0.1/8 dev lo");
    await place.ip("route del local 127.0.0.0/8 dev lo table local").catch(() => undefined);
    await place.ip(`route add 127.0.0.0/8 via ${endpoint.ipv4Gateway}`);
    await place.run("sysctl", "-qw", "net.ipv4.conf.eth0.route_localnet=1");
    assert.equal(await place.tryTcp("127.0.0.1", 2375), "timeout");
  } finally {
    stopServing();
  }
});

test("an internal network has no way out, and its members reach each other", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("inner", { internal: true });
  const other = await host.network("outer");
  const one = await host.join(network);
  const two = await host.join(network);
  const three = await host.join(other);
  await two.place.serveTcp(80);
  await outside.serveTcp(80);
  await three.place.serveTcp(80);
  assert.deepEqual(one.setup.routes, []);
  assert.equal(one.endpoint.ipv4Gateway, "");
  await one.place.ip(`route add default via ${network.pools[0]!.gateway}`);
  assert.equal(await one.place.askTcp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
  assert.equal(await one.place.tryTcp("198.51.100.9", 80), "timeout");
  assert.equal(await one.place.tryTcp(three.endpoint.ipv4, 80), "timeout");
  const binding = {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 8080,
    hostPortEnd: 8080,
  } as const;
  assert.deepEqual(await host.driver.publish(network, two.endpoint, [binding], signal), []);
  await host.driver.publish(other, three.endpoint, [binding], signal);
  assert.equal(await one.place.tryTcp("198.51.100.1", 8080), "timeout");
});

test("members of a network without inter-container communication reach the world and not each other", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const options = { "com.docker.network.bridge.enable_icc": "false" };
  const network = await host.network("lonely", { options });
  const one = await host.join(network);
  const two = await host.join(network);
  await two.place.serveTcp(80);
  await outside.serveTcp(80);
  assert.notEqual(await one.place.tryTcp(two.endpoint.ipv4, 80), one.endpoint.ipv4);
  assert.equal(await one.place.askTcp("198.51.100.9", 80), "198.51.100.1");
});

test("what leaves the host bears the host's address, and outsiders reach no port that is not published", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await outside.serveTcp(80);
  await outside.serveUdp(80);
  await place.serveTcp(80);
  assert.equal(await place.askTcp("198.51.100.9", 80), "198.51.100.1");
  assert.equal(await place.askUdp("198.51.100.9", 80), "198.51.100.1");
  await outside.ip(`route add ${network.pools[0]!.subnet} via 198.51.100.1`);
  assert.equal(await outside.tryTcp(endpoint.ipv4, 80), "timeout");
});

test("an IPv4-only network has no IPv6 address on the host, and no IPv6 frame passes", async () => {
  await using host = await Host.make();
  const network = await host.network("four");
  const one = await host.join(network);
  const two = await host.join(network);
  assert.equal(ip(`-6 addr show dev ${network.bridge}`), "");
  assert.equal(ip("-6 addr show").includes("dv"), false);
  await one.place.ip("addr add fd00:9::1/64 dev eth0 nodad");
  await two.place.ip("addr add fd00:9::2/64 dev eth0 nodad");
  await two.place.serveTcp(80, "::");
  assert.notEqual(await one.place.tryTcp("fd00:9::2", 80), "fd00:9::1");
});

test("a dual-stack network carries both, and keeps both to itself", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("dual", { enableIpv6: true });
  const other = await host.network("other", { enableIpv6: true });
  const one = await host.join(network);
  const two = await host.join(network);
  const three = await host.join(other);
  await two.place.serveTcp(80, "::");
  await three.place.serveTcp(80, "::");
  await outside.serveTcp(80, "::");
  assert.equal(await one.place.askTcp(two.endpoint.ipv6, 80), one.endpoint.ipv6);
  assert.equal(await one.place.tryTcp(three.endpoint.ipv6, 80), "timeout");
  assert.equal(await one.place.askTcp("2001:db8:1::9", 80), "2001:db8:1::1");
});

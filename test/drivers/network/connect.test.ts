import assert from "node:assert/strict";
import { test } from "node:test";
import { newObjectId } from "../../../src/domain/identity.ts";
import { Host, ip, leaveHostNetwork, plainEndpoint, sh, signal } from "./places.ts";

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

test("link-local addresses of one's choice are given beside the network's own, in both families", async () => {
  await using host = await Host.make();
  const network = await host.network("dual", { enableIpv6: true });
  const one = await host.join(network, [], { linkLocal: ["169.254.7.7"] });
  const two = await host.join(network, [], { linkLocal: ["169.254.7.8", "fe80::78"] });
  assert.equal(one.setup.addresses.at(-1), "169.254.7.7/16");
  await two.place.serveTcp(80, "::");
  assert.equal(await one.place.askTcp("169.254.7.8", 80), "::ffff:169.254.7.7");
  assert.equal(await one.place.askTcp(two.endpoint.ipv4, 80), `::ffff:${one.endpoint.ipv4}`);
});

test("a tap joins its network, is found again by a later daemon, and is given back", async () => {
  await using host = await Host.make();
  const network = await host.network("vms");
  const { place, endpoint: neighbour } = await host.join(network);
  const id = newObjectId();
  const lease = host.driver.reserve(network, id, plainEndpoint);
  const endpoint = { ...neighbour, ...lease, id, dnsNames: ["vm"] };
  ip("tuntap add dev tap-vm mode tap");
  try {
    const target = { kind: "tap", device: "tap-vm" } as const;
    const setup = await host.driver.connect(network, endpoint, target, "eth0", signal);
    assert.deepEqual(setup, {
      device: "",
      name: "eth0",
      mac: lease.mac,
      addresses: [`${lease.ipv4}/16`],
      routes: [{ destination: "default", gateway: lease.ipv4Gateway }],
      mtu: 1500,
      ipv6: false,
    });
    assert.match(ip("link show tap-vm"), new RegExp(`master ${network.bridge} `));
    assert.equal(ip("-6 addr show dev tap-vm"), "");
    await host.restart();
    const live = [endpoint, neighbour].map((one) => ({ network, endpoint: one }));
    await host.driver.restore([network], live, signal);
    assert.match(sh("nft", "list", "set", "bridge", `duet_${host.instance}`, "own4"), /tap-vm/);
    assert.equal(await place.canPing(lease.ipv4Gateway), true);
    await host.driver.disconnect(network, endpoint, signal);
    assert.doesNotMatch(ip("link show tap-vm"), /master/);
    assert.doesNotMatch(sh("nft", "list", "ruleset"), /tap-vm/);
  } finally {
    ip("link del tap-vm");
  }
});

test("fifty containers join at once", async () => {
  await using host = await Host.make();
  const network = await host.network("crowd");
  const place = await host.place();
  const endpoints = Array.from({ length: 50 }, () => {
    const id = newObjectId();
    const lease = host.driver.reserve(network, id, plainEndpoint);
    return {
      ...lease,
      id,
      network: network.id,
      networkName: "crowd",
      spec: plainEndpoint,
      dnsNames: [],
      ports: [],
    };
  });
  const target = { kind: "netns", pid: place.thread } as const;
  const binding = {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: 0,
  } as const;
  const ports = await Promise.all(
    endpoints.map(async (endpoint, index) => {
      await host.driver.connect(network, endpoint, target, `eth${index}`, signal);
      const [open] = await host.driver.publish(network, endpoint, [binding], signal);
      return open?.hostPort;
    }),
  );
  assert.equal(new Set(ports).size, 50);
  assert.equal(
    ip("-br link")
      .split("\n")
      .filter((line) => line.startsWith("dv")).length,
    50,
  );
  await Promise.all(endpoints.map((one) => host.driver.disconnect(network, one, signal)));
  assert.equal(ip("-br link").includes("dv"), false);
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

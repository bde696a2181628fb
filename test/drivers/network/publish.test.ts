import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import type { PortBinding } from "../../../src/domain/network.ts";
import { Host, leaveHostNetwork, sh, signal } from "./places.ts";
import { askTcp, askUdp } from "./traffic.ts";

leaveHostNetwork();

function binding(more: Partial<PortBinding>): PortBinding {
  return {
    protocol: "tcp",
    containerPort: 80,
    hostAddress: "",
    hostPort: 0,
    hostPortEnd: 0,
    ...more,
  };
}

test("a published port keeps the address of clients outside", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await place.serveTcp(80);
  await place.serveUdp(53);
  const open = await host.driver.publish(
    network,
    endpoint,
    [
      binding({ hostPort: 8080, hostPortEnd: 8080 }),
      binding({ protocol: "udp", containerPort: 53, hostPort: 5353, hostPortEnd: 5353 }),
    ],
    signal,
  );
  assert.deepEqual(
    open.map((one) => `${one.hostAddress} ${one.hostPort}/${one.protocol}`),
    ["0.0.0.0 8080/tcp", ":: 8080/tcp", "0.0.0.0 5353/udp", ":: 5353/udp"],
  );
  assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
  assert.equal(await outside.askUdp("198.51.100.1", 5353), "198.51.100.9");
});

test("a published port answers on every loopback address, and on IPv4 also without the daemon", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await place.serveTcp(80);
  await place.serveUdp(80);
  const bindings = [binding({ hostPort: 8080 }), binding({ protocol: "udp", hostPort: 8080 })];
  await host.driver.publish(network, endpoint, bindings, signal);
  assert.equal(await askTcp("127.0.0.1", 8080), endpoint.ipv4Gateway);
  assert.equal(await askTcp("127.0.0.9", 8080), endpoint.ipv4Gateway);
  assert.equal(await askUdp("127.0.0.1", 8080), endpoint.ipv4Gateway);
  assert.equal(await askTcp("::1", 8080), endpoint.ipv4Gateway);
  assert.equal(await askUdp("::1", 8080), endpoint.ipv4Gateway);
  await host.driver.close();
  assert.equal(await askTcp("127.0.0.1", 8080), endpoint.ipv4Gateway);
  assert.equal(await askUdp("127.0.0.1", 8080), endpoint.ipv4Gateway);
  await host.restart();
  await host.driver.restore(host.networks, [], signal);
});

for (const filtered of ["0", "1"]) {
  test(`containers reach published ports by the host's addresses, their own too, with bridge-nf-call-iptables=${filtered}`, async () => {
    await using host = await Host.make();
    const outside = await host.outside();
    sh("sysctl", "-qw", `net.bridge.bridge-nf-call-iptables=${filtered}`);
    const network = await host.network("web");
    const other = await host.network("other");
    const one = await host.join(network);
    const two = await host.join(network);
    const three = await host.join(other);
    await one.place.serveTcp(80);
    await host.driver.publish(network, one.endpoint, [binding({ hostPort: 8080 })], signal);
    assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
    assert.equal(await two.place.askTcp("198.51.100.1", 8080), two.endpoint.ipv4Gateway);
    assert.equal(await two.place.askTcp(two.endpoint.ipv4Gateway, 8080), two.endpoint.ipv4Gateway);
    assert.equal(await one.place.askTcp("198.51.100.1", 8080), one.endpoint.ipv4Gateway);
    assert.equal(await three.place.askTcp("198.51.100.1", 8080), three.endpoint.ipv4);
    assert.equal(await three.place.tryTcp(one.endpoint.ipv4, 80), "timeout");
  });
}

test("a port published on 127.0.0.1 is out of reach for everybody but the host", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("web");
  const one = await host.join(network);
  const two = await host.join(network);
  await one.place.serveTcp(80);
  await host.driver.publish(
    network,
    one.endpoint,
    [binding({ hostAddress: "127.0.0.1", hostPort: 8080 })],
    signal,
  );
  assert.equal(await askTcp("127.0.0.1", 8080), one.endpoint.ipv4Gateway);
  assert.equal(await outside.askTcp("198.51.100.1", 8080), "refused");
  assert.equal(await two.place.askTcp("198.51.100.1", 8080), "refused");
});

test("IPv6 clients keep their address on a dual-stack network, and unpublished ports stay closed", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("dual", { enableIpv6: true });
  const { place, endpoint } = await host.join(network);
  await place.serveTcp(80, "::");
  await place.serveTcp(81, "::");
  await host.driver.publish(network, endpoint, [binding({ hostPort: 8080 })], signal);
  assert.equal(await outside.askTcp("2001:db8:1::1", 8080), "2001:db8:1::9");
  assert.equal(await askTcp("::1", 8080), endpoint.ipv6Gateway);
  await outside.ip(`-6 route add ${network.pools[1]!.subnet} via 2001:db8:1::1`);
  assert.equal(await outside.tryTcp(endpoint.ipv6, 81), "timeout");
});

test("a port that anybody holds is a conflict, and none of the others stays open", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const one = await host.join(network);
  const two = await host.join(network);
  const server = createServer().listen(8081, "127.0.0.1");
  await once(server, "listening");
  try {
    await assert.rejects(
      host.driver.publish(
        network,
        one.endpoint,
        [binding({ hostPort: 8080 }), binding({ hostPort: 8081 })],
        signal,
      ),
      { class: "conflict", code: "PORT_IN_USE" },
    );
  } finally {
    server.close();
  }
  await host.driver.publish(network, one.endpoint, [binding({ hostPort: 8080 })], signal);
  await assert.rejects(
    host.driver.publish(network, two.endpoint, [binding({ hostPort: 8080 })], signal),
    {
      code: "PORT_IN_USE",
    },
  );
  const [chosen] = await host.driver.publish(
    network,
    two.endpoint,
    [binding({ hostPort: 8080, hostPortEnd: 8082 })],
    signal,
  );
  assert.equal(chosen?.hostPort, 8081);
  await host.driver.disconnect(network, one.endpoint, signal);
  await host.driver.publish(network, two.endpoint, [binding({ hostPort: 8080 })], signal);
});

test("thousands of ports are published in one step, or none of them", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await place.serveTcp(80);
  const count = 3000;
  const many = Array.from({ length: count }, (_, index) =>
    binding({ hostAddress: "0.0.0.0", hostPort: 20_000 + index }),
  );
  const last = createServer().listen(20_000 + count - 1, "127.0.0.1");
  await once(last, "listening");
  await assert.rejects(host.driver.publish(network, endpoint, many, signal), {
    code: "PORT_IN_USE",
  });
  assert.equal(await askTcp("127.0.0.1", 20_000), "refused");
  last.close();
  await once(last, "close");
  assert.equal((await host.driver.publish(network, endpoint, many, signal)).length, count);
  assert.equal(await askTcp("127.0.0.1", 20_000 + count - 1), endpoint.ipv4Gateway);
  await host.driver.disconnect(network, endpoint, signal);
  assert.equal(await askTcp("127.0.0.1", 20_000), "refused");
});

test("a UDP conversation that began before the port was published goes to the container afterwards", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network);
  await place.serveUdp(80);
  assert.equal(await outside.askUdp("198.51.100.1", 8080, "early", 4000), "refused");
  await host.driver.publish(
    network,
    endpoint,
    [binding({ protocol: "udp", hostPort: 8080 })],
    signal,
  );
  assert.equal(await outside.askUdp("198.51.100.1", 8080, "late", 4000), "198.51.100.9");
  assert.deepEqual(await place.received(), ["late"]);
});

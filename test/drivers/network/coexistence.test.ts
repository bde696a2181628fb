import assert from "node:assert/strict";
import { test } from "node:test";
import { Host, leaveHostNetwork, sh, signal } from "./places.ts";

leaveHostNetwork();

const web = {
  protocol: "tcp",
  containerPort: 80,
  hostAddress: "",
  hostPort: 8080,
  hostPortEnd: 8080,
} as const;

/** A host that drops what it forwards and what comes in, as Docker, ufw and careful admins do. */
const firewalls: Readonly<
  Record<
    string,
    {
      readonly close: readonly (readonly string[])[];
      readonly show: readonly string[];
      readonly open: readonly (readonly string[])[];
    }
  >
> = {
  "iptables-nft": {
    close: [
      ["iptables-nft", "-P", "FORWARD", "DROP"],
      ["iptables-nft", "-N", "DOCKER-USER"],
      ["iptables-nft", "-A", "FORWARD", "-j", "DOCKER-USER"],
      ["iptables-nft", "-A", "DOCKER-USER", "-p", "tcp", "--dport", "81", "-j", "DROP"],
      [
        "iptables-nft",
        "-A",
        "INPUT",
        "-m",
        "conntrack",
        "--ctstate",
        "ESTABLISHED,RELATED",
        "-j",
        "ACCEPT",
      ],
      ["iptables-nft", "-P", "INPUT", "DROP"],
    ],
    show: ["iptables-nft", "-S"],
    open: [["nft", "flush", "ruleset"]],
  },
  "iptables-legacy": {
    close: [
      ["iptables-legacy", "-P", "FORWARD", "DROP"],
      ["iptables-legacy", "-A", "FORWARD", "-p", "tcp", "--dport", "81", "-j", "DROP"],
      [
        "iptables-legacy",
        "-A",
        "INPUT",
        "-m",
        "conntrack",
        "--ctstate",
        "ESTABLISHED,RELATED",
        "-j",
        "ACCEPT",
      ],
      ["iptables-legacy", "-P", "INPUT", "DROP"],
    ],
    show: ["iptables-legacy", "-S"],
    open: [
      ["iptables-legacy", "-P", "FORWARD", "ACCEPT"],
      ["iptables-legacy", "-P", "INPUT", "ACCEPT"],
      ["iptables-legacy", "-F"],
    ],
  },
  nftables: {
    close: [
      [
        "nft",
        "table inet careful { chain in { type filter hook input priority 0; policy drop; ct state established,related accept; }; chain across { type filter hook forward priority 0; policy accept; tcp dport 81 drop; counter drop; }; chain across2 { type filter hook forward priority 5; policy drop; }; }",
      ],
    ],
    show: ["nft", "-s", "list", "table", "inet", "careful"],
    open: [["nft", "flush", "ruleset"]],
  },
};

for (const [name, firewall] of Object.entries(firewalls)) {
  test(`traffic passes a ${name} firewall that drops by policy, its own rules still hold, and nothing stays in it`, async () => {
    const call = ([program = "", ...args]: readonly string[]): string => sh(program, ...args);
    for (const command of firewall.close) call(command);
    const before = call(firewall.show);
    try {
      {
        await using host = await Host.make();
        const outside = await host.outside();
        await outside.serveTcp(80);
        await outside.serveTcp(81);
        const network = await host.network("web");
        const one = await host.join(network, ["one"]);
        const two = await host.join(network, ["two"]);
        await one.place.serveTcp(80);
        await host.driver.publish(network, one.endpoint, [web], signal);
        assert.equal(await one.place.askTcp("198.51.100.9", 80), "198.51.100.1");
        assert.equal(await one.place.tryTcp("198.51.100.9", 81), "timeout");
        assert.equal(await outside.askTcp("198.51.100.1", 8080), "198.51.100.9");
        assert.equal(await two.place.askTcp(one.endpoint.ipv4, 80), two.endpoint.ipv4);
        const question = "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03one\0\0\x01\0\x01";
        assert.notEqual(
          await two.place.askUdp(host.driver.dnsServer(network), 53, question),
          "timeout",
        );
        assert.notEqual(call(firewall.show), before);
      }
      assert.equal(call(firewall.show), before);
    } finally {
      for (const command of firewall.open) call(command);
    }
  });
}

test("a firewall that is set up while networks are up is passed as well", async () => {
  await using host = await Host.make();
  const outside = await host.outside();
  await outside.serveTcp(80);
  const network = await host.network("web");
  const { place } = await host.join(network);
  sh("iptables-nft", "-P", "FORWARD", "DROP");
  try {
    while (!host.events.some((one) => one.event === "foreign-firewall-passed")) {
      await place.tryTcp("198.51.100.9", 80);
    }
    assert.equal(await place.askTcp("198.51.100.9", 80), "198.51.100.1");
  } finally {
    sh("iptables-nft", "-P", "FORWARD", "ACCEPT");
    sh("nft", "delete", "table", "ip", "filter");
  }
});

test("subnets that the host uses already are not chosen, nor taken when asked for", async () => {
  await using host = await Host.make();
  await host.outside();
  sh("ip", "addr", "add", "172.17.0.1/16", "dev", "up0");
  sh("ip", "route", "add", "172.18.5.0/24", "via", "198.51.100.9");
  const network = await host.network("free");
  assert.equal(network.pools[0]?.subnet, "172.19.0.0/16");
  const pool = { subnet: "198.51.100.0/25", range: "", gateway: "", auxiliary: {} };
  await assert.rejects(host.network("taken", { pools: [pool] }), { code: "SUBNET_OVERLAPS" });
});

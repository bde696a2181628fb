import assert from "node:assert/strict";
import { test } from "node:test";
import { newObjectId } from "../../../src/domain/identity.ts";
import type { AddressPool, NetworkRecord, NetworkSpec } from "../../../src/domain/network.ts";
import { Links } from "../../../src/drivers/network/links.ts";
import { NetworkPlanner } from "../../../src/drivers/network/planner.ts";
import { leaveHostNetwork, networkSpec } from "./places.ts";

leaveHostNetwork();

function plan(
  more: Partial<NetworkSpec>,
  existing: readonly NetworkRecord[] = [],
  pools?: readonly { readonly base: string; readonly size: number }[],
): NetworkRecord {
  const links = new Links();
  try {
    const planner = new NetworkPlanner(links, "test", pools);
    return planner.plan(newObjectId(), networkSpec("net", more), existing);
  } finally {
    links.close();
  }
}

function pool(more: Partial<AddressPool>): AddressPool {
  return { subnet: "", range: "", gateway: "", auxiliary: {}, ...more };
}

test("networks get Docker's subnets one after the other, with the first address as gateway", () => {
  const first = plan({});
  const second = plan({}, [first]);
  assert.deepEqual(
    [first.pools[0]?.subnet, first.pools[0]?.gateway, first.bridge],
    ["172.17.0.0/16", "172.17.0.1", "dttest-0"],
  );
  assert.deepEqual([second.pools[0]?.subnet, second.bridge], ["172.18.0.0/16", "dttest-1"]);
});

test("two networks planned at the same time do not get the same subnet", () => {
  const links = new Links();
  const planner = new NetworkPlanner(links, "test");
  const one = planner.plan(newObjectId(), networkSpec("one"), []);
  const two = planner.plan(newObjectId(), networkSpec("two"), []);
  links.close();
  assert.notEqual(one.pools[0]?.subnet, two.pools[0]?.subnet);
  assert.notEqual(one.bridge, two.bridge);
});

test("a pool of one's own is used up to its end", () => {
  const pools = [{ base: "10.200.0.0/23", size: 24 }];
  const one = plan({}, [], pools);
  const two = plan({}, [one], pools);
  assert.equal(two.pools[0]?.subnet, "10.200.1.0/24");
  assert.throws(() => plan({}, [one, two], pools), { class: "exhausted", code: "NO_FREE_SUBNET" });
});

test("what the user asks for is kept, and completed", () => {
  const asked = pool({ subnet: "10.1.0.0/16", range: "10.1.5.0/24", auxiliary: { a: "10.1.0.9" } });
  assert.deepEqual(plan({ pools: [asked] }).pools, [
    {
      subnet: "10.1.0.0/16",
      range: "10.1.5.0/24",
      gateway: "10.1.5.0",
      auxiliary: { a: "10.1.0.9" },
    },
  ]);
  const dual = plan({ enableIpv6: true, pools: [pool({ subnet: "fd00:1::/64" })] });
  assert.deepEqual(
    dual.pools.map((one) => one.subnet),
    ["172.17.0.0/16", "fd00:1::/64"],
  );
  assert.match(plan({ enableIpv4: false, enableIpv6: true }).pools[0]?.subnet ?? "", /^fd.*\/64$/);
});

test("bad pools and options are refused with what is wrong about them", () => {
  const taken = plan({ pools: [pool({ subnet: "10.1.0.0/16" })] });
  const bad: readonly Partial<NetworkSpec>[] = [
    { pools: [pool({ subnet: "10.1.0.0" })] },
    { pools: [pool({ subnet: "10.1.0.0/16; flush ruleset" })] },
    { pools: [pool({ subnet: "10.1.2.3/16" })] },
    { pools: [pool({ subnet: "0.0.0.0/0" })] },
    { pools: [pool({ subnet: "10.2.0.0/16", gateway: "10.3.0.1" })] },
    { pools: [pool({ subnet: "10.2.0.0/16", gateway: "10.2.0.0" })] },
    { pools: [pool({ subnet: "10.2.0.0/16", range: "10.3.0.0/24" })] },
    { pools: [pool({ subnet: "10.2.0.0/16", auxiliary: { a: "x" } })] },
    { enableIpv4: false },
    { options: { "com.docker.network.driver.mtu": "1e9" } },
    { options: { "com.docker.network.bridge.enable_icc": "maybe" } },
    { options: { "com.docker.network.bridge.name": "a b" } },
    { options: { "com.docker.network.bridge.name": "../../../etc" } },
    { options: { "com.docker.network.bridge.name": "sixteencharacter" } },
  ];
  for (const more of bad) {
    assert.throws(() => plan(more), { name: "DuetError", class: "invalid" }, JSON.stringify(more));
  }
  assert.throws(() => plan({ pools: [pool({ subnet: "10.1.128.0/17" })] }, [taken]), {
    code: "SUBNET_OVERLAPS",
    http: 403,
  });
  assert.throws(() => plan({ options: { "com.docker.network.bridge.name": "lo" } }), {
    code: "DEVICE_IN_USE",
  });
  const two = [pool({ subnet: "10.2.0.0/16" }), pool({ subnet: "10.3.0.0/16" })];
  assert.throws(() => plan({ pools: two }), {
    class: "denied",
    message: "bridge driver doesn't support multiple subnets",
  });
  assert.throws(() => plan({ driver: "overlay" }), { code: "NETWORK_DRIVER" });
});

test("host and none need nothing of the host", () => {
  for (const driver of ["host", "none", "null"]) {
    const record = plan({ driver });
    assert.deepEqual([record.bridge, record.pools], ["", []]);
  }
});

test("pools are refused in Docker's words", () => {
  const words: readonly (readonly [Partial<AddressPool>, string])[] = [
    [{ subnet: "bogus" }, "invalid subnet bogus: invalid CIDR block notation"],
    [{ subnet: "10.1.0.5/16" }, "invalid subnet 10.1.0.5/16: it should be 10.1.0.0/16"],
    [
      { subnet: "10.1.0.0/16", range: "10.2.0.0/24" },
      "invalid ip-range 10.2.0.0/24: parent subnet 10.1.0.0/16 doesn't contain ip-range",
    ],
    [
      { subnet: "10.1.0.0/16", gateway: "10.2.0.1" },
      "invalid gateway 10.2.0.1: parent subnet 10.1.0.0/16 doesn't contain this address",
    ],
    [
      { subnet: "10.1.0.0/16", auxiliary: { x: "10.3.0.1" } },
      "invalid auxiliary address x: parent subnet 10.1.0.0/16 doesn't contain this address",
    ],
    [{ gateway: "10.3.0.1" }, "invalid subnet : invalid CIDR block notation"],
  ];
  for (const [asked, message] of words) {
    assert.throws(() => plan({ pools: [pool(asked)] }), {
      class: "invalid",
      message: `invalid network config:\n${message}`,
    });
  }
  const several = pool({ subnet: "10.1.0.0/16", range: "10.2.0.0/24", gateway: "10.2.0.1" });
  assert.throws(() => plan({ pools: [several] }), { message: /config:\n\* .*\n\* / });
});

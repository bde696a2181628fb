import assert from "node:assert/strict";
import { test } from "node:test";
import type { AddressPool, NetworkRecord } from "../../../src/domain/network.ts";
import { AddressAllocator } from "../../../src/drivers/network/allocator.ts";
import { networkSpec, plainEndpoint } from "./places.ts";

function network(...pools: Partial<AddressPool>[]): NetworkRecord {
  const full = pools.map((pool) => ({
    subnet: "10.9.0.0/29",
    range: "",
    gateway: "10.9.0.1",
    auxiliary: {},
    ...pool,
  }));
  return {
    id: "n".repeat(64),
    spec: networkSpec("small"),
    pools: full,
    bridge: "dtx-0",
    createdAt: 0,
    predefined: false,
  };
}

test("addresses are given in rising order, without network, broadcast, gateway and auxiliary ones", () => {
  const allocator = new AddressAllocator(network({ auxiliary: { printer: "10.9.0.3" } }));
  const given = ["a", "b", "c", "d"].map((id) => allocator.reserve(id, plainEndpoint).ipv4);
  assert.deepEqual(given, ["10.9.0.2", "10.9.0.4", "10.9.0.5", "10.9.0.6"]);
  assert.throws(() => allocator.reserve("e", plainEndpoint), {
    class: "exhausted",
    code: "POOL_EMPTY",
  });
  allocator.release("b");
  assert.equal(allocator.reserve("e", plainEndpoint).ipv4, "10.9.0.4");
});

test("an address just given up is not given again while there are others", () => {
  const allocator = new AddressAllocator(network({}));
  assert.equal(allocator.reserve("a", plainEndpoint).ipv4, "10.9.0.2");
  allocator.release("a");
  assert.equal(allocator.reserve("b", plainEndpoint).ipv4, "10.9.0.3");
});

test("the MAC address follows from the IPv4 address, as Docker makes it, unless the user names one", () => {
  const allocator = new AddressAllocator(network({}));
  assert.equal(allocator.reserve("a", plainEndpoint).mac, "02:42:0a:09:00:02");
  const asked = { ...plainEndpoint, mac: "02-AA-00-00-00-01" };
  assert.equal(allocator.reserve("b", asked).mac, "02:aa:00:00:00:01");
  assert.throws(() => allocator.reserve("c", asked), { code: "ADDRESS_IN_USE" });
  for (const mac of ["01:00:5e:00:00:01", "00:00:00:00:00:00", "xyz", "02:42:0a:09:00"]) {
    assert.throws(() => allocator.reserve("d", { ...plainEndpoint, mac }), { code: "MAC_INVALID" });
  }
});

test("a static address must be free and within the network", () => {
  const allocator = new AddressAllocator(network({ range: "10.9.0.4/30" }));
  const reserve = (id: string, ipv4: string): string =>
    allocator.reserve(id, { ...plainEndpoint, ipv4 }).ipv4;
  assert.equal(reserve("a", "10.9.0.2"), "10.9.0.2");
  assert.equal(reserve("b", ""), "10.9.0.4");
  for (const ipv4 of ["10.9.0.2", "10.9.0.1", "10.9.0.7"]) {
    assert.throws(() => reserve("c", ipv4), { class: "denied", code: "ADDRESS_IN_USE" });
  }
  assert.throws(() => reserve("c", "10.10.0.2"), { code: "ADDRESS_OUTSIDE_NETWORK" });
  for (const ipv4 of ["10.9.0", "::1", "10.9.0.2/29", "1e3", "010.9.0.2"]) {
    assert.throws(() => reserve("c", ipv4), { class: "invalid" });
  }
});

test("an endpoint keeps its lease, also one taken over from an earlier daemon", () => {
  const one = new AddressAllocator(network({}, { subnet: "fd00::/64", gateway: "fd00::1" }));
  const lease = one.reserve("a", plainEndpoint);
  assert.deepEqual(one.reserve("a", plainEndpoint), lease);
  assert.equal(lease.ipv6, "fd00::2");
  const two = new AddressAllocator(network({}, { subnet: "fd00::/64", gateway: "fd00::1" }));
  const endpoint = {
    ...lease,
    id: "a",
    network: "n",
    networkName: "small",
    spec: plainEndpoint,
    dnsNames: [],
    ports: [],
  };
  two.adopt(endpoint);
  two.adopt(endpoint);
  assert.deepEqual(two.reserve("a", plainEndpoint), lease);
  assert.equal(two.reserve("b", plainEndpoint).ipv4, "10.9.0.3");
});

test("a network of 65,534 addresses is filled to the last one quickly", () => {
  const allocator = new AddressAllocator(network({ subnet: "10.9.0.0/16" }));
  for (let index = 0; index < 65_533; index += 1) allocator.reserve(`e${index}`, plainEndpoint);
  assert.throws(() => allocator.reserve("last", plainEndpoint), { code: "POOL_EMPTY" });
});

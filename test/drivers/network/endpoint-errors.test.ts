import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkRecord } from "../../../src/domain/network.ts";
import { endpointErrors } from "../../../src/drivers/network/endpoint-errors.ts";
import { networkSpec, plainEndpoint } from "./places.ts";

function network(subnets: readonly string[], predefined = false): NetworkRecord {
  const pools = subnets.map((subnet) => ({ subnet, range: "", gateway: "", auxiliary: {} }));
  const spec = { ...networkSpec("any"), pools };
  return { id: "n".repeat(64), spec, pools, bridge: "dtx-0", createdAt: 0, predefined };
}

test("addresses of one's choice are checked against the network's own subnets, in Docker's words", () => {
  const own = network(["10.5.0.0/24"]);
  const errorsOf = (ipv4: string, ipv6 = "", of = own): readonly string[] =>
    endpointErrors(of, { ...plainEndpoint, ipv4, ipv6 });
  const unconfigured =
    "user specified IP address is supported only when connecting to networks with user configured subnets";
  assert.deepEqual(errorsOf("10.5.0.9"), []);
  assert.deepEqual(errorsOf("10.6.0.9"), [
    "no configured subnet or ip-range contain the IP address 10.6.0.9",
  ]);
  assert.deepEqual(errorsOf("bogus"), [
    "invalid IPv4 address: bogus",
    "no configured subnet or ip-range contain the IP address bogus",
  ]);
  assert.deepEqual(errorsOf("", "fd00::9"), [unconfigured]);
  assert.deepEqual(errorsOf("172.18.0.9", "", network([])), [unconfigured]);
  assert.deepEqual(errorsOf("172.17.0.9", "", network([], true)), [
    "user specified IP address is supported on user defined networks only",
    unconfigured,
  ]);
});

test("options of an endpoint that would be left undone are refused, unknown ones are not", () => {
  const key = "com.docker.network.endpoint.sysctls";
  const withOption = (name: string) => ({ ...plainEndpoint, driverOptions: { [name]: "x" } });
  assert.deepEqual(endpointErrors(network([]), withOption(key)), [
    `the endpoint option ${key} is not supported`,
  ]);
  assert.deepEqual(endpointErrors(network([]), withOption("my.own")), []);
});

test("the default network takes no aliases", () => {
  const aliased = { ...plainEndpoint, aliases: ["a"] };
  assert.deepEqual(endpointErrors(network([]), aliased), []);
  assert.deepEqual(endpointErrors(network([], true), aliased), [
    "network-scoped alias is supported only for containers in user defined networks",
  ]);
});

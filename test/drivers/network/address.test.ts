import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressOfBytes,
  bytesOfAddress,
  formatAddress,
  formatMac,
  formatSubnet,
  linkLocalOf,
  overlaps,
  parseAddress,
  parseMac,
  parseSubnet,
} from "../../../src/drivers/network/address.ts";

test("addresses survive being written and read, in either family", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (raw) => {
      const address = addressOfBytes(raw);
      assert.deepEqual(parseAddress(formatAddress(address)), address);
      assert.deepEqual(new Uint8Array(bytesOfAddress(address)), raw);
    }),
  );
});

test("IPv6 is written as RFC 5952 says", () => {
  for (const [text, expected] of [
    ["2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["::ffff:192.0.2.1", "::ffff:c000:201"],
    ["::", "::"],
    ["1::", "1::"],
  ] as const) {
    const address = parseAddress(text);
    assert.equal(address && formatAddress(address), expected);
  }
});

test("what is no address or subnet is not read as one", () => {
  for (const text of ["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "fe80::1%eth0", "::1::", "a b"]) {
    assert.equal(parseAddress(text), undefined, text);
  }
  for (const text of [
    "10.0.0.0",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "::/129",
  ]) {
    assert.equal(parseSubnet(text), undefined, text);
  }
});

test("subnets drop host bits and know whom they overlap", () => {
  const subnet = (text: string) => parseSubnet(text) ?? assert.fail(text);
  assert.equal(formatSubnet(subnet("172.17.5.9/16")), "172.17.0.0/16");
  assert.equal(overlaps(subnet("10.0.0.0/8"), subnet("10.5.0.0/24")), true);
  assert.equal(overlaps(subnet("10.5.0.0/24"), subnet("10.0.0.0/8")), true);
  assert.equal(overlaps(subnet("10.0.0.0/24"), subnet("10.0.1.0/24")), false);
  assert.equal(overlaps(subnet("0.0.0.0/0"), subnet("::/0")), false);
});

test("a link-local address follows from the MAC address", () => {
  const mac = parseMac("02:42:ac:11:00:02") ?? assert.fail();
  assert.equal(formatMac(mac), "02:42:ac:11:00:02");
  assert.equal(formatAddress(linkLocalOf(mac)), "fe80::42:acff:fe11:2");
});

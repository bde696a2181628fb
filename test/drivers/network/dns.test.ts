import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { writeFile } from "node:fs/promises";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { bytesOfAddress, parseAddress } from "../../../src/drivers/network/address.ts";
import { Host, ip, leaveHostNetwork, type Place } from "./places.ts";

leaveHostNetwork();

function ipv6Hex(text: string): string {
  const address = parseAddress(text);
  return address === undefined ? "" : bytesOfAddress(address).toString("hex");
}

/** A query of one question, as a resolver sends it. */
function query(name: string, type: number): string {
  const labels = name.split(".").map((label) => String.fromCharCode(label.length) + label);
  return `\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00${labels.join("")}\0\0${String.fromCharCode(type)}\0\x01`;
}

/** Response code and the data of the answers, as text. */
function read(text: string, name: string): { code: number; data: string[] } {
  const bytes = Buffer.from(text, "latin1");
  const data: string[] = [];
  for (let at = 12 + name.length + 2 + 4; at < bytes.length;) {
    const size = bytes.readUInt16BE(at + 10);
    const value = bytes.subarray(at + 12, at + 12 + size);
    data.push(size === 4 ? value.join(".") : value.toString("hex"));
    at += 12 + size;
  }
  return { code: bytes[3]! & 15, data };
}

async function resolve(
  place: Place,
  server: string,
  name: string,
  type = 1,
): Promise<{ code: number; data: string[] }> {
  return read(await place.askUdp(server, 53, query(name, type)), name);
}

test("names, aliases and ids lead to containers of the same network, in either case of letters", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const other = await host.network("other");
  const one = await host.join(network, ["one", "alias", "0123456789ab"]);
  const two = await host.join(network, ["two", "alias"]);
  const three = await host.join(other, ["three"]);
  const server = host.driver.dnsServer(network);
  assert.equal(server, two.endpoint.ipv4Gateway);
  for (const name of ["one", "ONE", "0123456789ab"]) {
    assert.deepEqual(await resolve(two.place, server, name), {
      code: 0,
      data: [one.endpoint.ipv4],
    });
  }
  const both = await resolve(two.place, server, "alias");
  const turned = await resolve(two.place, server, "alias");
  assert.deepEqual(both.data.toSorted(), [one.endpoint.ipv4, two.endpoint.ipv4]);
  assert.deepEqual(turned.data, both.data.toReversed());
  assert.deepEqual(await resolve(two.place, server, "one", 28), { code: 0, data: [] });
  assert.deepEqual(await resolve(two.place, server, "three"), { code: 2, data: [] });
  assert.deepEqual(await resolve(three.place, host.driver.dnsServer(other), "one"), {
    code: 2,
    data: [],
  });
  assert.equal(
    await two.place.askUdp(three.endpoint.ipv4Gateway, 53, query("three", 1)),
    "refused",
  );
  const reverse = await resolve(
    two.place,
    server,
    `${one.endpoint.ipv4.split(".").toReversed().join(".")}.in-addr.arpa`,
    12,
  );
  assert.deepEqual(reverse.data, [Buffer.from("\x03one\x03web\0").toString("hex")]);
  await host.driver.disconnect(network, one.endpoint, AbortSignal.timeout(60_000));
  assert.deepEqual(await resolve(two.place, server, "one"), { code: 2, data: [] });
});

test("names are answered over TCP too, and links under the alias that one container gave", async () => {
  await using host = await Host.make();
  const network = await host.network("dual", { enableIpv6: true });
  const one = await host.join(network, ["one"]);
  const two = await host.join(network, ["two"], { links: ["one:db"] });
  const server = host.driver.dnsServer(network);
  const text = query("one", 28);
  const head = String.fromCharCode(0, text.length);
  const answer = await two.place.askTcp(server, 53, head + text);
  const [address] = read(answer.slice(2), "one").data;
  assert.equal(address, ipv6Hex(one.endpoint.ipv6));
  assert.deepEqual(await resolve(two.place, server, "db"), { code: 0, data: [one.endpoint.ipv4] });
  assert.deepEqual(await resolve(one.place, server, "db"), { code: 2, data: [] });
});

test("a network with IPv6 alone has its DNS server there", async () => {
  await using host = await Host.make();
  const network = await host.network("six", { enableIpv4: false, enableIpv6: true });
  const one = await host.join(network, ["one"]);
  const two = await host.join(network, ["two"]);
  assert.deepEqual([one.endpoint.ipv4, one.setup.addresses.length], ["", 1]);
  const found = await resolve(two.place, host.driver.dnsServer(network), "one", 28);
  assert.deepEqual(found.data, [ipv6Hex(one.endpoint.ipv6)]);
});

/** A name server on an address of the host that gives one answer, after a forged one. */
async function nameServer(address: string, answered: string): Promise<Socket> {
  ip(`addr add ${address}/32 dev lo`);
  const server = createSocket("udp4").bind(53, address);
  await once(server, "listening");
  server.on("message", (message, from) => {
    const record = Buffer.from(`c00c00010001000000050004${answered}`, "hex");
    const answer = Buffer.concat([message, record]);
    answer.writeUInt16BE(0x8180, 2);
    answer.writeUInt16BE(1, 6);
    const forged = Buffer.from(answer);
    forged.writeUInt16BE((answer.readUInt16BE(0) + 1) & 0xffff, 0);
    server.send(forged, from.port, from.address);
    server.send(answer, from.port, from.address);
  });
  return server;
}

test("who has name servers of their own asks them what no network knows, and nobody else does", async () => {
  await using host = await Host.make();
  const common = await nameServer("192.0.2.63", "cb007107");
  const own = await nameServer("192.0.2.64", "cb007108");
  try {
    await writeFile(join(host.folder, "resolv.conf"), "nameserver 192.0.2.63\n");
    const network = await host.network("web");
    const server = host.driver.dnsServer(network);
    const one = await host.join(network, ["one"], {}, undefined, ["192.0.2.64"]);
    const two = await host.join(network, ["two"]);
    const ask = async (place: Place, name: string): Promise<string[]> =>
      (await resolve(place, server, name)).data;
    assert.deepEqual(await ask(one.place, "www.example"), ["203.0.113.8"]);
    assert.deepEqual(await ask(two.place, "www.example"), ["203.0.113.7"]);
    assert.deepEqual(await ask(one.place, "two"), [two.endpoint.ipv4]);
  } finally {
    common.close();
    own.close();
  }
});

test("other names go to the host's name servers, except from internal networks", async () => {
  await using host = await Host.make();
  const upstream = await nameServer("192.0.2.53", "cb007107");
  try {
    await writeFile(join(host.folder, "resolv.conf"), "search example\nnameserver 192.0.2.53\n");
    const network = await host.network("web");
    const byDefault = await host.network("bridge", {}, true);
    const inner = await host.network("inner", { internal: true });
    const answered = { code: 0, data: ["203.0.113.7"] };
    for (const [one, expected] of [
      [network, answered],
      [byDefault, answered],
      [inner, { code: 2, data: [] }],
    ] as const) {
      const { place } = await host.join(one, ["me"]);
      assert.deepEqual(await resolve(place, host.driver.dnsServer(one), "www.example"), expected);
    }
    const { place } = await host.join(byDefault, ["you"]);
    assert.deepEqual(await resolve(place, host.driver.dnsServer(byDefault), "me"), answered);
  } finally {
    upstream.close();
  }
});

test("garbage, loops and oversize are not answered, and the server goes on", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const { place, endpoint } = await host.join(network, ["me"]);
  const server = endpoint.ipv4Gateway;
  const loop = "\x12\x34\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01";
  for (const text of [
    "x",
    loop,
    query("me", 1).slice(0, -3),
    `${query("me", 1).slice(0, 2)}\x81${query("me", 1).slice(3)}`,
  ]) {
    assert.equal(await place.tryUdp(server, 53, text), "timeout");
  }
  assert.equal(await place.askTcp(server, 53, "\xff\xffxxxx"), "");
  assert.deepEqual((await resolve(place, server, "me")).data, [endpoint.ipv4]);
});

test("who is on two networks finds the names of both, wherever it asks, and nobody else does", async () => {
  await using host = await Host.make();
  const web = await host.network("web");
  const store = await host.network("store");
  const db = await host.join(store, ["db"]);
  const stranger = await host.join(web, ["stranger"]);
  const one = await host.join(web, ["one"]);
  await host.join(store, ["one"], {}, one.place);
  const server = host.driver.dnsServer(web);
  assert.deepEqual((await resolve(one.place, server, "db")).data, [db.endpoint.ipv4]);
  assert.deepEqual((await resolve(stranger.place, server, "db")).data, []);
  assert.deepEqual((await resolve(stranger.place, server, "one")).data, [one.endpoint.ipv4]);
});

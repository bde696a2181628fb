import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointRecord } from "../../src/domain/network.ts";
import { bytesOfAddress, parseAddress } from "../../src/drivers/network/address.ts";
import { Host, leaveHostNetwork } from "../drivers/network/places.ts";

leaveHostNetwork();

function mac(text: string): Buffer {
  return Buffer.from(text.replaceAll(":", ""), "hex");
}

function bytes(text: string): Buffer {
  const address = parseAddress(text);
  assert.ok(address);
  return bytesOfAddress(address);
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += header.readUInt16BE(at);
  const folded = (sum & 0xffff) + (sum >> 16);
  return ~((folded & 0xffff) + (folded >> 16)) & 0xffff;
}

/** A UDP datagram in a frame, with whatever sender one likes; checksum of UDP left out. */
function datagram(
  from: { mac: string; ip: string; port?: number },
  to: EndpointRecord,
  text: string,
  tag = "",
): Buffer {
  const payload = Buffer.from(text);
  const ipHeader = Buffer.alloc(20);
  ipHeader.set([0x45, 0, 0, 28 + payload.length, 0, 1, 0, 0, 64, 17]);
  ipHeader.set(bytes(from.ip), 12);
  ipHeader.set(bytes(to.ipv4), 16);
  ipHeader.writeUInt16BE(checksum(ipHeader), 10);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(from.port ?? 5000, 0);
  udp.writeUInt16BE(80, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([
    mac(to.mac),
    mac(from.mac),
    Buffer.from(tag, "hex"),
    Buffer.from("0800", "hex"),
    ipHeader,
    udp,
    payload,
  ]);
}

function arp(source: string, senderMac: string, senderIp: string, to: EndpointRecord): Buffer {
  const head = Buffer.from("08060001080006040002", "hex");
  return Buffer.concat([
    mac(to.mac),
    mac(source),
    head,
    mac(senderMac),
    bytes(senderIp),
    mac(to.mac),
    bytes(to.ipv4),
  ]);
}

/** A neighbour advertisement that takes `target` over (RFC 4861, section 4.4). */
function advertisement(from: EndpointRecord, to: EndpointRecord, target: string): Buffer {
  const message = Buffer.concat([
    Buffer.from("8800000020000000", "hex"),
    bytes(target),
    Buffer.from("0201", "hex"),
    mac(from.mac),
  ]);
  const addresses = Buffer.concat([bytes(from.ipv6), bytes(to.ipv6)]);
  const pseudo = Buffer.from([0, 0, 0, message.length, 0, 0, 0, 58]);
  message.writeUInt16BE(checksum(Buffer.concat([addresses, pseudo, message])), 2);
  const header = Buffer.from([0x60, 0, 0, 0, 0, message.length, 58, 255]);
  const head = Buffer.concat([mac(to.mac), mac(from.mac), Buffer.from("86dd", "hex")]);
  return Buffer.concat([head, header, addresses, message]);
}

test("frames with another's MAC, IPv4 or IPv6 address, or of a DHCP server, are dropped", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const evil = await host.join(network);
  const victim = await host.join(network);
  const third = await host.join(network);
  await victim.place.serveUdp(80);
  const me = { mac: evil.endpoint.mac, ip: evil.endpoint.ipv4 };
  const send = (frame: Buffer): Promise<void> => evil.place.sendFrame("eth0", frame);
  await send(datagram({ ...me, ip: third.endpoint.ipv4 }, victim.endpoint, "another's IP"));
  await send(datagram({ ...me, mac: third.endpoint.mac }, victim.endpoint, "another's MAC"));
  await send(datagram({ ...me, ip: "203.0.113.5" }, victim.endpoint, "a stranger's IP"));
  await send(
    datagram({ ...me, ip: evil.endpoint.ipv4Gateway }, victim.endpoint, "the gateway's IP"),
  );
  await send(datagram({ ...me, port: 67 }, victim.endpoint, "DHCP server"));
  await send(datagram({ ...me, ip: third.endpoint.ipv4 }, victim.endpoint, "tagged", "81000001"));
  await send(datagram(me, victim.endpoint, "honest"));
  await third.place.askUdp(victim.endpoint.ipv4, 80, "last");
  assert.deepEqual(await victim.place.received(), ["honest", "last"]);
});

test("a container cannot poison a neighbour's ARP table", async () => {
  await using host = await Host.make();
  const network = await host.network("web");
  const evil = await host.join(network);
  const victim = await host.join(network);
  const { mac: own } = evil.endpoint;
  const gateway = victim.endpoint.ipv4Gateway;
  assert.equal(await victim.place.canPing(gateway), true);
  await victim.place.run("sysctl", "-qw", "net.ipv4.conf.eth0.arp_accept=1");
  await evil.place.sendFrame("eth0", arp(own, own, gateway, victim.endpoint));
  await evil.place.sendFrame(
    "eth0",
    arp(own, "02:00:00:00:00:99", evil.endpoint.ipv4, victim.endpoint),
  );
  assert.equal(await victim.place.canPing(evil.endpoint.ipv4), true);
  const neighbours = await victim.place.ip("neigh");
  assert.equal(new RegExp(`${gateway} .*${own}`).test(neighbours), false);
  assert.match(neighbours, new RegExp(`${evil.endpoint.ipv4} .*${own}`));
});

test("a container cannot answer for a neighbour's IPv6 address nor announce itself as router", async () => {
  await using host = await Host.make();
  const network = await host.network("dual", { enableIpv6: true });
  const evil = await host.join(network);
  const victim = await host.join(network);
  const third = await host.join(network);
  const gateway = victim.endpoint.ipv6Gateway;
  assert.equal(await victim.place.canPing(third.endpoint.ipv6), true);
  const forged = advertisement(evil.endpoint, victim.endpoint, third.endpoint.ipv6);
  await evil.place.sendFrame("eth0", forged);
  const own = advertisement(evil.endpoint, victim.endpoint, evil.endpoint.ipv6);
  await evil.place.sendFrame("eth0", own);
  assert.equal(await victim.place.canPing(evil.endpoint.ipv6), true);
  const known = await victim.place.ip(`-6 neigh show ${third.endpoint.ipv6}`);
  assert.match(known, new RegExp(third.endpoint.mac));
  await evil.place.ip(`addr add ${gateway}/128 dev eth0 nodad`);
  await evil.place.ip("addr add fd99::1/64 dev eth0 nodad");
  await victim.place.ip("neigh flush dev eth0").catch(() => undefined);
  await victim.place.ip("addr add fd99::2/64 dev eth0 nodad");
  assert.equal(await victim.place.canPing(gateway), true);
  const neighbours = await victim.place.ip("-6 neigh");
  assert.equal(new RegExp(`${gateway} .*${evil.endpoint.mac}`).test(neighbours), false);
  assert.equal(await victim.place.canPing("fd99::1", 1), false);
  assert.equal(await victim.place.canPing(evil.endpoint.ipv6), true);
});

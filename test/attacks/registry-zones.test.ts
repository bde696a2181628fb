import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test, type TestContext } from "node:test";
import { parseReference } from "../../src/domain/reference.ts";
import type { RegistryClient } from "../../src/domain/registry.ts";
import { mayReach, zoneOf } from "../../src/kit/address-zone.ts";
import { createRegistryClient } from "../../src/drivers/registry/client.ts";
import { silentLog } from "../../src/kit/log.ts";
import { systemCall } from "../../src/kit/syscalls.ts";
import { fakeRegistry, type FakeRegistry } from "../drivers/registry/fake-registry.ts";
import { testImage } from "../drivers/registry/images.ts";

/*
 * Group B of the attack list, where it matters at which address a registry stands. The whole file
 * runs in a network namespace of its own, whose loopback has a public and a private address.
 */

const publicAddress = "203.0.113.10";
const privateAddress = "10.99.0.10";
const newNetworkNamespace = 0x40000000;
const signal = AbortSignal.timeout(500_000);
const image = testImage();

before(() => {
  systemCall("int unshare(int)", newNetworkNamespace);
  execFileSync("ip", ["link", "set", "lo", "up"]);
  for (const address of [publicAddress, privateAddress]) {
    execFileSync("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
  }
});

function newClient(
  insecureRegistries: readonly string[] = [],
  certificatesDirectory = "",
): RegistryClient {
  return createRegistryClient({
    config: { mirrors: [], insecureRegistries, certificatesDirectory },
    log: silentLog,
    patience: { retry: 1, longestRetry: 5 },
  });
}

async function serving(context: TestContext, address: string): Promise<FakeRegistry> {
  return await fakeRegistry(
    context,
    (_request, response) =>
      response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest),
    { address },
  );
}

async function redirecting(
  context: TestContext,
  address: string,
  location: string,
): Promise<FakeRegistry> {
  return await fakeRegistry(
    context,
    (_request, response) => response.writeHead(307, { location }).end(),
    { address },
  );
}

test("B33: every special range of addresses is known, in whatever form it is written", () => {
  for (const [address, zone] of [
    ["127.0.0.1", "loopback"],
    ["127.255.255.254", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["::ffff:7f00:1", "loopback"],
    ["64:ff9b::7f00:1", "loopback"],
    ["10.0.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["fd12::1", "private"],
    ["::ffff:10.0.0.1", "private"],
    ["169.254.169.254", "forbidden"],
    ["::ffff:169.254.169.254", "forbidden"],
    ["64:ff9b::a9fe:a9fe", "forbidden"],
    ["fe80::1", "forbidden"],
    ["fd00:ec2::254", "forbidden"],
    ["100.100.100.200", "forbidden"],
    ["0.0.0.0", "forbidden"],
    ["::", "forbidden"],
    ["224.0.0.1", "forbidden"],
    ["255.255.255.255", "forbidden"],
    ["not an address", "forbidden"],
    ["8.8.8.8", "public"],
    ["2606:4700::1", "public"],
    ["172.32.0.1", "public"],
  ] as const) {
    assert.equal(zoneOf(address), zone, address);
  }
  assert.equal(mayReach("public", "private"), false);
  assert.equal(mayReach("private", "loopback"), false);
  assert.equal(mayReach("loopback", "forbidden"), false);
  assert.equal(mayReach("private", "public"), true);
});

test("B33: a public registry cannot send its clients inside, however the address is written", async (context) => {
  const inside = await serving(context, "127.0.0.1");
  const port = inside.host.split(":")[1]!;
  const places = [
    "127.0.0.1",
    "localhost",
    "2130706433",
    "0x7f.1",
    "127.1",
    "[::ffff:127.0.0.1]",
    privateAddress,
  ];
  for (const place of places) {
    const target = `http://${place}:${port}/`;
    const registry = await redirecting(context, publicAddress, target);
    const client = newClient([registry.host]);
    const found = client.resolve(parseReference(`${registry.host}/a`), null, signal);
    await assert.rejects(found, { code: "REGISTRY_REDIRECT", class: "denied" }, place);
    const realm = await fakeRegistry(
      context,
      (_request, response) =>
        response.writeHead(401, { "www-authenticate": `Bearer realm="${target}"` }).end(),
      { address: publicAddress },
    );
    const other = newClient([realm.host]).resolve(parseReference(`${realm.host}/a`), null, signal);
    await assert.rejects(other, { code: "REGISTRY_REDIRECT" }, place);
  }
  assert.equal(inside.requests.length, 0);
});

test("B33: a private registry may name private places, and what the user configured is allowed", async (context) => {
  const target = await serving(context, privateAddress);
  const near = await redirecting(context, privateAddress, `${target.url}/x`);
  const far = await redirecting(context, publicAddress, `${target.url}/x`);
  const configured = newClient([near.host, far.host, `${privateAddress}/32`]);
  for (const { host } of [near, far]) {
    const found = await configured.resolve(parseReference(`${host}/a`), null, signal);
    assert.equal(found.descriptor.digest, image.digest);
  }
});

test("B36: no plain registry is spoken to unless it is configured, and TLS is never left", async (context) => {
  const plain = await serving(context, publicAddress);
  await assert.rejects(newClient().resolve(parseReference(`${plain.host}/a`), null, signal), {
    code: "REGISTRY_TLS",
    message: /server gave HTTP response to HTTPS client/,
  });
  assert.equal(plain.requests.length, 0);
  const tls = makeCertificate(context, publicAddress, 10);
  const secure = await fakeRegistry(
    context,
    (_request, response) => response.writeHead(307, { location: `${plain.url}/x` }).end(),
    { address: publicAddress, tls },
  );
  const client = newClient([plain.host], trusting(context, secure.host, tls.cert));
  await assert.rejects(client.resolve(parseReference(`${secure.host}/a`), null, signal), {
    code: "REGISTRY_REDIRECT",
    message: /it leaves TLS/,
  });
  assert.equal(plain.requests.length, 0);
});

test("B36: certificates that are self-signed, expired or another's are refused; a trusted one is taken", async (context) => {
  const answer = async (tls: { key: string; cert: string }): Promise<FakeRegistry> =>
    await fakeRegistry(
      context,
      (_request, response) =>
        response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest),
      { address: publicAddress, tls },
    );
  const good = makeCertificate(context, publicAddress, 10);
  const trusted = await answer(good);
  const found = newClient([], trusting(context, trusted.host, good.cert));
  await found.resolve(parseReference(`${trusted.host}/a`), null, signal);
  const refused = { code: "REGISTRY_TLS" };
  await assert.rejects(
    newClient().resolve(parseReference(`${trusted.host}/a`), null, signal),
    refused,
  );
  for (const bad of [
    makeCertificate(context, publicAddress, -1),
    makeCertificate(context, "198.51.100.1", 10),
  ]) {
    const { host, requests } = await answer(bad);
    const client = newClient([], trusting(context, host, bad.cert));
    await assert.rejects(client.resolve(parseReference(`${host}/a`), null, signal), refused);
    assert.equal(requests.length, 0);
  }
});

function trusting(context: TestContext, host: string, certificate: string): string {
  const folder = mkdtempSync(join(tmpdir(), "duet-certs-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, host));
  writeFileSync(join(folder, host, "ca.crt"), certificate);
  return folder;
}

/** A self-signed certificate for an address, valid for so many days from now (or ended so many ago). */
function makeCertificate(
  context: TestContext,
  address: string,
  days: number,
): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), "duet-certs-"));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, request, cert, extensions] = ["key", "request", "cert", "ext"].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  writeFileSync(extensions, `subjectAltName=IP:${address}\n`);
  const quiet = { stdio: "ignore" } as const;
  execFileSync(
    "openssl",
    [
      "req",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:P-256",
      "-nodes",
      "-keyout",
      key,
      "-out",
      request,
      "-subj",
      "/CN=duet test",
    ],
    quiet,
  );
  execFileSync(
    "openssl",
    [
      "x509",
      "-req",
      "-in",
      request,
      "-signkey",
      key,
      "-days",
      String(days),
      "-extfile",
      extensions,
      "-out",
      cert,
    ],
    quiet,
  );
  return { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
}

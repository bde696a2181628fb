import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";
import { createAuthority, createPair } from "../../../src/kit/x509/certificate.ts";

test("OpenSSL takes the pairs, strictly, each for its use and for no other", async (context) => {
  const folder = await mkdtemp("/tmp/duet-x509-");
  context.after(() => rm(folder, { recursive: true }));
  const authority = createAuthority("An authority", 10);
  await writeFile(join(folder, "ca.pem"), authority.certificate);
  const verify = async (use: "server" | "client", purpose: string): Promise<number> => {
    const pair = createPair(authority, { name: "a", use, alternativeNames: ["a.test"], days: 1 });
    await writeFile(join(folder, "pair.pem"), pair.certificate);
    const words = ["verify", "-x509_strict", "-CAfile", join(folder, "ca.pem")];
    const result = await run("openssl", [...words, "-purpose", purpose, join(folder, "pair.pem")], {
      signal: AbortSignal.timeout(120_000),
      okCodes: [0, 2],
    });
    return result.code;
  };
  assert.deepEqual(
    [
      await verify("server", "sslserver"),
      await verify("client", "sslclient"),
      await verify("server", "sslclient"),
      await verify("client", "sslserver"),
    ],
    [0, 0, 2, 2],
  );
});

test("a server's certificate holds its names and addresses, of both families", () => {
  const authority = createAuthority("An authority", 10);
  const names = [
    "build.example.com",
    "192.0.2.7",
    "2001:db8::7",
    "::1",
    "::ffff:192.0.2.9",
    "*.a.test",
  ];
  const pair = createPair(authority, {
    name: "s",
    use: "server",
    alternativeNames: names,
    days: 1,
  });
  const read = new X509Certificate(pair.certificate);
  assert.equal(read.checkHost("build.example.com"), "build.example.com");
  assert.equal(read.checkHost("b.a.test"), "*.a.test");
  for (const address of names.slice(1, 5))
    assert.notEqual(read.checkIP(address), undefined, address);
  assert.equal(read.checkIP("192.0.2.8"), undefined);
  assert.ok(read.verify(new X509Certificate(authority.certificate).publicKey));
});

test("a certificate ends after its days, also beyond the year 2049", () => {
  const now = new Date("2026-11-23T00:00:00Z");
  const until = (days: number): string =>
    new X509Certificate(createAuthority("a", days, now).certificate).validTo;
  assert.match(until(1), /^Nov 24 .* 2026/);
  assert.match(until(36_500), /2126/);
});

test("names that are none and authorities that are none are refused", () => {
  const authority = createAuthority("a", 1);
  const request = { name: "s", use: "server", days: 1 } as const;
  for (const name of ["a b", "", "-a", "a\0b", "a/b", "999.1.1.1.", "x".repeat(300)]) {
    assert.throws(() => createPair(authority, { ...request, alternativeNames: [name] }), {
      code: "HOST_NAME",
    });
  }
  const pair = createPair(authority, { ...request, alternativeNames: [] });
  assert.throws(() => createPair(pair, { ...request, alternativeNames: [] }), {
    code: "AUTHORITY",
  });
  assert.throws(
    () => createPair({ ...authority, key: pair.key }, { ...request, alternativeNames: [] }),
    { code: "AUTHORITY" },
  );
});

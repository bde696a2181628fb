import assert from "node:assert/strict";
import { connect as connectPlainly } from "node:net";
import { request } from "node:https";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { connect, type ConnectionOptions } from "node:tls";
import { createAuthority, createPair, type Pair } from "../../src/kit/x509/certificate.ts";
import { run } from "../../src/kit/subprocess.ts";
import { RunningServer } from "../servers/docker/running-server.ts";

/* F81 of the attack list: who reaches the API over TCP. */

const authority = createAuthority("Authority", 10);
const client = pairOf(authority, "client");
const server = pairOf(authority, "server");
const stranger = createAuthority("Authority", 10);
const past = new Date("2020-01-01T00:00:00Z");

function pairOf(from: Pair, use: "client" | "server", now = new Date()): Pair {
  return createPair(
    from,
    { name: use, use, alternativeNames: ["localhost", "127.0.0.1"], days: 30 },
    now,
  );
}

async function startTls(context: TestContext): Promise<{ port: number; running: RunningServer }> {
  const running = await RunningServer.start();
  context.after(() => running[Symbol.asyncDispose]());
  const { numbers } = await running.server.listenTls([{ host: "127.0.0.1", port: 0 }], {
    authority: authority.certificate,
    certificate: server.certificate,
    key: server.key,
  });
  return { port: numbers[0]!, running };
}

/** Status and body of a ping, or the code of the failure. */
async function ping(
  port: number,
  pair: Pair | null,
  more: ConnectionOptions = {},
): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const asked = request({
    host: "127.0.0.1",
    port,
    path: "/_ping",
    agent: false,
    ca: authority.certificate,
    ...(pair === null ? {} : { cert: pair.certificate, key: pair.key }),
    ...more,
  });
  asked.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  asked.once("response", (answer) => {
    text(answer).then(
      (body) => resolve(`${answer.statusCode} ${body}`),
      (error: unknown) => resolve(String(error)),
    );
  });
  asked.end();
  return await promise;
}

test("a client with a certificate of the authority is served, by TLS 1.2 and 1.3 only (F81)", async (context) => {
  const { port } = await startTls(context);
  assert.equal(await ping(port, client, { maxVersion: "TLSv1.2" }), "200 OK");
  assert.equal(await ping(port, client, { minVersion: "TLSv1.3" }), "200 OK");
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
  assert.match(await ping(port, client, old), /EPROTO|PROTOCOL|ECONNRESET/);
});

test("without a certificate, or with one of strangers, of the past or for servers, nobody is (F81)", async (context) => {
  const { port } = await startTls(context);
  const refused = /^(ERR_SSL|EPROTO|ECONNRESET|EPIPE)/;
  const pairs = {
    none: null,
    "another authority of the same name": pairOf(stranger, "client"),
    expired: pairOf(authority, "client", past),
    "for servers": pairOf(authority, "server"),
    "the authority itself, which names no use": authority,
    "another authority itself": stranger,
  };
  for (const [what, pair] of Object.entries(pairs)) {
    for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
      assert.match(await ping(port, pair, { maxVersion }), refused, `${what}, ${maxVersion}`);
    }
  }
  assert.equal(await ping(port, client), "200 OK");
});

test("a certificate that does not say what it is for is refused, though OpenSSL takes it (F81)", async (context) => {
  const { port } = await startTls(context);
  const bare = await withoutUse(context);
  assert.match(await ping(port, bare), /^(ERR_SSL|EPROTO|ECONNRESET|EPIPE)/);
});

/** A certificate of the authority without the extension that names its use. */
async function withoutUse(context: TestContext): Promise<Pair> {
  const { mkdtemp, readFile, rm, writeFile } = await import("node:fs/promises");
  const folder = await mkdtemp("/tmp/duet-tls-");
  context.after(() => rm(folder, { recursive: true }));
  await writeFile(`${folder}/ca.pem`, authority.certificate);
  await writeFile(`${folder}/ca-key.pem`, authority.key);
  await writeFile(`${folder}/key.pem`, client.key);
  const openssl = async (...words: string[]): Promise<void> => {
    await run("openssl", words, { signal: AbortSignal.timeout(120_000) });
  };
  await openssl(
    "req",
    "-new",
    "-key",
    `${folder}/key.pem`,
    "-subj",
    "/CN=bare",
    "-out",
    `${folder}/req`,
  );
  const signing = ["-CA", `${folder}/ca.pem`, "-CAkey", `${folder}/ca-key.pem`, "-CAcreateserial"];
  await openssl(
    "x509",
    "-req",
    "-in",
    `${folder}/req`,
    ...signing,
    "-days",
    "2",
    "-out",
    `${folder}/c`,
  );
  return { certificate: await readFile(`${folder}/c`, "utf8"), key: client.key };
}

test("names and protocols that a first message may ask for bring nothing down (F81)", async (context) => {
  const { port, running } = await startTls(context);
  const greetings: ConnectionOptions[] = [
    ...["x".repeat(255), "a\u0001b", "..", "%00", "__proto__", "constructor"].map((servername) => ({
      servername,
    })),
    { ALPNProtocols: ["h2"] },
    { ALPNProtocols: ["x".repeat(255), "__proto__"] },
    { ALPNProtocols: Array.from({ length: 200 }, (_, index) => `p${index}`) },
  ];
  for (const greeting of greetings) {
    const options = {
      host: "127.0.0.1",
      port,
      ca: authority.certificate,
      rejectUnauthorized: false,
    };
    const socket = connect({ ...options, cert: client.certificate, key: client.key, ...greeting });
    const { promise: over, resolve } = Promise.withResolvers<void>();
    socket.once("error", () => resolve()).once("secureConnect", () => resolve());
    await over;
    socket.destroy();
  }
  for (const bytes of ["GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", "\x16\x03\x01\xff\xff\x01"]) {
    const socket = connectPlainly(port, "127.0.0.1");
    socket.on("error", () => undefined).end(Buffer.from(bytes, "latin1"));
    assert.doesNotMatch(await text(socket).catch(() => ""), /200/);
  }
  assert.equal(await ping(port, client), "200 OK");
  assert.deepEqual(
    running.events.filter((event) => event.level === "error"),
    [],
  );
});

test("any Host is answered over TLS, but no page of another site (F71)", async (context) => {
  const { port } = await startTls(context);
  const ask = async (headers: Record<string, string>): Promise<string> =>
    await ping(port, client, { headers, servername: "localhost" } as ConnectionOptions);
  assert.equal(await ask({ Host: "build.example.net:2376" }), "200 OK");
  assert.match(await ask({ Origin: "https://evil.example.net" }), /^403/);
});

test("renewed certificates are shown to the next client, and broken ones change nothing", async (context) => {
  const running = await RunningServer.start();
  context.after(() => running[Symbol.asyncDispose]());
  const identity = {
    authority: authority.certificate,
    certificate: server.certificate,
    key: server.key,
  };
  const ports = await running.server.listenTls([{ host: "127.0.0.1", port: 0 }], identity);
  const port = ports.numbers[0]!;
  const next = createAuthority("Next", 10);
  const nextServer = pairOf(next, "server");
  assert.throws(() => ports.renew({ ...identity, key: nextServer.key }), { code: "TLS_IDENTITY" });
  assert.equal(await ping(port, client), "200 OK");
  ports.renew({
    authority: next.certificate,
    certificate: nextServer.certificate,
    key: nextServer.key,
  });
  assert.equal(await ping(port, pairOf(next, "client"), { ca: next.certificate }), "200 OK");
  assert.doesNotMatch(await ping(port, client, { ca: next.certificate }), /^200/);
});

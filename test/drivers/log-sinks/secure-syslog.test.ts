import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { createServer, type TlsOptions, type TLSSocket } from "node:tls";
import type { LogSource } from "../../../src/domain/log-sink.ts";
import { createLogSinks } from "../../../src/drivers/log-sinks/log-sinks.ts";
import { never } from "../../../src/kit/abort.ts";
import { createAuthority, createPair } from "../../../src/kit/x509/certificate.ts";

const sinks = createLogSinks();
const source: LogSource = {
  ...{ id: "4".repeat(64), name: "web", imageId: "sha256:8", imageName: "busybox" },
  ...{ command: "sh", createdAt: 0, tag: "web", attributes: new Map() },
};
const entries = ["plain", "9 <1>1 - forged é", "\r<0>x"].map((text) => ({
  ...{ stream: "stdout" as const, time: "2026-11-23T16:14:04.2251069Z" },
  data: Buffer.from(text),
}));

describe("a syslog that is reached by TLS", () => {
  const authority = createAuthority("logs", 1);
  const request = { name: "logs", days: 1, alternativeNames: ["127.0.0.1"] } as const;
  const pair = createPair(authority, { ...request, use: "server" });
  const own = createPair(authority, { ...request, use: "client" });
  let folder: string;
  const file = (name: string): string => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "duet-tls-"));
    await writeFile(file("ca.pem"), authority.certificate);
    await writeFile(file("other.pem"), createAuthority("other", 1).certificate);
    await writeFile(file("cert.pem"), own.certificate);
    await writeFile(file("key.pem"), own.key);
  });
  after(() => rm(folder, { recursive: true }));

  async function serve(context: TestContext, options: TlsOptions = {}) {
    const server = createServer({ cert: pair.certificate, key: pair.key, ...options });
    const { promise: received, resolve } = Promise.withResolvers<Buffer>();
    server.on("secureConnection", (socket: TLSSocket) => {
      const pieces: Buffer[] = [];
      socket.on("data", (piece: Buffer) => pieces.push(piece));
      socket.on("error", () => undefined);
      socket.on("end", () => resolve(Buffer.concat(pieces)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => void server.close());
    const { port } = server.address() as AddressInfo;
    return { server, received, address: { "syslog-address": `tcp+tls://127.0.0.1:${port}` } };
  }

  async function send(options: Readonly<Record<string, string>>): Promise<void> {
    const sink = await sinks.open("syslog", options, source, never);
    try {
      await sink.send(entries, never);
    } finally {
      await sink[Symbol.asyncDispose]();
    }
  }

  test("gets each message with its length, so that no line makes another one", async (context) => {
    const { received, address } = await serve(context);
    const format = { "syslog-format": "rfc5424", "syslog-tls-ca-cert": file("ca.pem") };
    await send({ ...address, ...format });
    let rest = await received;
    const said: string[] = [];
    while (rest.length > 0) {
      const [count = ""] = rest.toString("latin1").split(" ", 1);
      const from = count.length + 1;
      said.push(rest.subarray(from, from + Number(count)).toString());
      rest = rest.subarray(from + Number(count));
    }
    const header = /^<30>1 \S+ \S+ web \d+ web - /;
    for (const message of said) assert.match(message, header);
    assert.deepEqual(
      said.map((message) => message.replace(header, "")),
      entries.map(({ data }) => `${data.toString()}\n`),
    );
  });

  test("is not told anything where it is not who it should be, unless that is not asked", async (context) => {
    const { received, address } = await serve(context);
    const other = { ...address, "syslog-tls-ca-cert": file("other.pem") };
    await assert.rejects(send(other), {
      code: "LOG_DESTINATION",
      message: /dial tcp 127\.0\.0\.1/,
    });
    await assert.rejects(send(address), { code: "LOG_DESTINATION" });
    await send({ ...other, "syslog-tls-skip-verify": "true" });
    assert.match((await received).toString(), /web\[\d+\]: plain\n/);
    const stranger = createPair(authority, {
      ...{ ...request, use: "server", alternativeNames: ["logs.example.com"] },
    });
    const named = await serve(context, { cert: stranger.certificate, key: stranger.key });
    const trusted = { ...named.address, "syslog-tls-ca-cert": file("ca.pem") };
    await assert.rejects(send(trusted), {
      code: "LOG_DESTINATION",
      message: /altnames|127\.0\.0\.1/,
    });
  });

  test("is shown the daemon's own certificate where it wants to know who sends", async (context) => {
    const wary = { ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    const { server, received, address } = await serve(context, wary);
    const trusted = { ...address, "syslog-tls-ca-cert": file("ca.pem") };
    const refused = once(server, "tlsClientError");
    // With TLS 1.3 a client hears of it after its first messages only.
    await send(trusted).catch(() => undefined);
    assert.match(String(((await refused) as Error[])[0]), /did not return a certificate/);
    const identity = { "syslog-tls-cert": file("cert.pem"), "syslog-tls-key": file("key.pem") };
    await send({ ...trusted, ...identity });
    assert.match((await received).toString(), /web\[\d+\]: plain\n/);
    const missing = { ...trusted, ...identity, "syslog-tls-cert": file("none.pem") };
    await assert.rejects(send(missing), { message: /could not read X509 key pair ".*none\.pem"/ });
  });
});

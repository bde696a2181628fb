import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { Readable } from "node:stream";
import { test, type TestContext } from "node:test";
import { parseReference } from "../../src/domain/reference.ts";
import type { RegistryClient } from "../../src/domain/registry.ts";
import { createRegistryClient, type RegistryPatience } from "../../src/drivers/registry/client.ts";
import { pauseLength, retryAfter } from "../../src/drivers/registry/retry.ts";
import { defaultPatience } from "../../src/drivers/registry/registry-config.ts";
import { silentLog } from "../../src/kit/log.ts";
import { fakeRegistry } from "../drivers/registry/fake-registry.ts";
import { collect, digestOf, testImage } from "../drivers/registry/images.ts";

/* Group B of the attack list, where the registry stands on loopback; see registry-zones.test.ts for the rest. */

const signal = AbortSignal.timeout(500_000);
const image = testImage([500_000]);
const layer = image.layers[0]!;
const bytes = image.blobs.get(layer.digest)!;
const credentials = { username: "ada", password: "secret", identityToken: "" };

function newClient(patience: Partial<RegistryPatience> = {}): RegistryClient {
  return createRegistryClient({
    config: { mirrors: [], insecureRegistries: [] },
    log: silentLog,
    patience: { retry: 1, longestRetry: 20, ...patience },
  });
}

/** Serves raw bytes, with no HTTP library to hold it back. */
async function rawServer(
  context: TestContext,
  answer: (write: (data: string | Buffer) => boolean) => void,
): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.once("data", (data) => {
      // A TLS hello: answered as plain servers do.
      if (data[0] === 0x16) socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
      else if (data.toString("latin1").startsWith("GET /v2/ "))
        socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
      else answer((chunk) => !socket.destroyed && socket.write(chunk));
    });
    sockets.add(socket);
  });
  const sockets = new Set<{ destroy(): void }>();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? `127.0.0.1:${address.port}` : "";
}

test("B34: credentials do not follow a redirect to another port", async (context) => {
  const other = await fakeRegistry(context, (_request, response) => response.end(bytes));
  const { host } = await fakeRegistry(context, (request, response) => {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { "www-authenticate": `Basic realm="x"` }).end();
    } else response.writeHead(307, { location: `${other.url}/elsewhere` }).end();
  });
  const { body } = await newClient().blob(
    parseReference(`${host}/a`),
    layer,
    0,
    credentials,
    signal,
  );
  assert.equal(digestOf(await collect(body)), layer.digest);
  assert.equal(other.requests.at(-1)?.url, "/elsewhere");
  assert.ok(other.requests.every((request) => request.headers.authorization === undefined));
});

test("B33: redirects to other protocols, with credentials in them, or without end are refused", async (context) => {
  for (const location of [
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://x/",
    "http://u:p@127.0.0.1/",
    "data:,x",
    "",
  ]) {
    const { host } = await fakeRegistry(context, (_request, response) =>
      response.writeHead(302, location === "" ? {} : { location }).end(),
    );
    const found = newClient().resolve(parseReference(`${host}/a`), null, signal);
    await assert.rejects(found, { code: location === "" ? /./ : "REGISTRY_REDIRECT" }, location);
  }
  const round = await fakeRegistry(context, (request, response) =>
    response.writeHead(302, { location: request.url }).end(),
  );
  await assert.rejects(newClient().resolve(parseReference(`${round.host}/a`), null, signal), {
    code: "REGISTRY_REDIRECT",
  });
  assert.ok(round.requests.length < 20);
});

test("B33: a cloud's metadata service is out of reach even for a registry on loopback", async (context) => {
  for (const place of [
    "http://169.254.169.254/latest",
    "https://[fe80::1]/",
    "https://[::ffff:169.254.169.254]/",
  ]) {
    const { host } = await fakeRegistry(context, (request, response) => {
      if (request.method === "POST") response.writeHead(202, { location: place }).end();
      else if (request.url?.includes("/blobs/") === true)
        response.writeHead(307, { location: place }).end();
      else response.writeHead(401, { "www-authenticate": `Bearer realm="${place}"` }).end();
    });
    const client = newClient();
    const reference = parseReference(`${host}/a`);
    const refused = { code: "REGISTRY_REDIRECT", class: "denied" };
    await assert.rejects(client.resolve(reference, credentials, signal), refused);
    await assert.rejects(client.blob(reference, layer, 0, null, signal), refused);
    const body = async (): Promise<AsyncIterable<Buffer>> =>
      (async function* () {
        yield bytes;
      })();
    await assert.rejects(client.pushBlob(reference, layer, body, null, signal), refused);
  }
});

test("B38: no registry decides how long a client waits", () => {
  for (const value of ["1000000000", "999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"]) {
    const asked = retryAfter(value);
    assert.ok(asked !== undefined && asked > 0);
    assert.equal(pauseLength(defaultPatience, 1, asked), defaultPatience.longestAsked);
  }
  for (const value of ["-1", "NaN", "1e9", "9".repeat(400), "soon", ""])
    assert.equal(retryAfter(value), undefined, value);
});

test("B38: a pull that waits to try again ends at once when it is cancelled", async (context) => {
  const controller = new AbortController();
  const { host } = await fakeRegistry(context, (_request, response) => {
    response.writeHead(429, { "retry-after": "50" }).end(() => {
      setImmediate(() => controller.abort(new Error("changed my mind")));
    });
  });
  const client = newClient();
  await assert.rejects(
    client.resolve(parseReference(`${host}/a`), null, controller.signal),
    /changed my mind/,
  );
});

test("B39: a registry that drips or stalls is given up, and what came can be resumed", async (context) => {
  const dripping = await fakeRegistry(context, (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    const timer = setInterval(() => response.write("x"), 5);
    response.once("close", () => clearInterval(timer));
  });
  const stalling = await fakeRegistry(context, (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, bytes.length - 10));
  });
  for (const { host } of [dripping, stalling]) {
    const client = newClient({ progress: 100, progressBytes: 1_000, attempts: 1 });
    const { body } = await client.blob(parseReference(`${host}/a`), layer, 0, null, signal);
    await assert.rejects(collect(body), { class: "timeout", code: "REGISTRY_TIMEOUT" });
  }
});

test("B39: a registry that never answers is given up", async (context) => {
  const silent = await fakeRegistry(context, () => undefined);
  const client = newClient({ response: 50 });
  await assert.rejects(client.resolve(parseReference(`${silent.host}/a`), null, signal), {
    code: "REGISTRY_TIMEOUT",
  });
  const headers = await rawServer(context, (write) => {
    write("HTTP/1.1 200 OK\r\n");
    const timer = setInterval(() => write("x-drip: x\r\n"), 5);
    context.after(() => clearInterval(timer));
  });
  await assert.rejects(client.resolve(parseReference(`${headers}/a`), null, signal), {
    code: /REGISTRY_TIMEOUT|REGISTRY_ANSWER_TOO_LARGE/,
  });
});

test("B40: headers, manifests, errors and tokens beyond their caps are cut off", async (context) => {
  const endless = Buffer.alloc(1 << 16, 0x20);
  async function* flood(): AsyncGenerator<Buffer, void, void> {
    for (;;) yield endless;
  }
  const reference = (host: string) => parseReference(`${host}/a`);
  const headers = await rawServer(context, (write) => {
    write(`HTTP/1.1 200 OK\r\nx-long: ${"x".repeat(200_000)}\r\n\r\n`);
  });
  const before = process.memoryUsage().rss;
  await assert.rejects(newClient().resolve(reference(headers), null, signal), {
    code: "REGISTRY_ANSWER_TOO_LARGE",
  });
  for (const status of [200, 401, 500]) {
    const { host } = await fakeRegistry(context, (request, response) => {
      const isToken = request.url?.startsWith("/token") === true;
      const realm = `http://${request.headers.host}/token`;
      response.on("error", () => undefined);
      response.writeHead(isToken ? 200 : status, { "www-authenticate": `Bearer realm="${realm}"` });
      if (status === 401 && !isToken) response.end();
      else Readable.from(flood()).pipe(response);
    });
    const client = newClient({ attempts: 1 });
    await assert.rejects(
      client.resolve(reference(host), null, signal),
      { class: /too-large|unavailable/ },
      `${status}`,
    );
  }
  assert.ok(process.memoryUsage().rss - before < 150 << 20);
});

test("B41: a manifest that is not the one that was asked for is refused", async (context) => {
  const { host } = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(200, { "content-type": image.mediaType })
      .end(`${image.manifest.toString()} `),
  );
  const client = newClient();
  const pinned = parseReference(`${host}/a@${image.digest}`);
  await assert.rejects(client.resolve(pinned, null, signal), { code: "DIGEST_MISMATCH" });
  const descriptor = {
    mediaType: image.mediaType,
    digest: image.digest,
    size: image.manifest.length,
  };
  await assert.rejects(client.manifest(parseReference(`${host}/a`), descriptor, null, signal), {
    code: "DIGEST_MISMATCH",
  });
  const liar = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(200, {
        "content-type": image.mediaType,
        "docker-content-digest": digestOf("other"),
      })
      .end(image.manifest),
  );
  await assert.rejects(client.resolve(parseReference(`${liar.host}/a`), null, signal), {
    code: "DIGEST_MISMATCH",
  });
});

test("A20: a blob of another size is refused before or while it comes", async (context) => {
  const announced = await fakeRegistry(context, (_request, response) =>
    response.end(Buffer.concat([bytes, bytes])),
  );
  const reference = parseReference(`${announced.host}/a`);
  await assert.rejects(newClient().blob(reference, layer, 0, null, signal), {
    code: "SIZE_MISMATCH",
  });
  const streamed = await fakeRegistry(context, (_request, response) => {
    response.writeHead(200, { "transfer-encoding": "chunked" });
    response.write(bytes);
    response.end(bytes);
  });
  const { body } = await newClient().blob(
    parseReference(`${streamed.host}/a`),
    layer,
    0,
    null,
    signal,
  );
  await assert.rejects(collect(body), { code: "SIZE_MISMATCH" });
});

test("F80: what a registry says cannot drive a terminal", async (context) => {
  const message = "\u001b]0;owned\u0007 \r\nline \u202e reversed";
  const { host } = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(404)
      .end(JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message }] })),
  );
  const found = newClient().resolve(parseReference(`${host}/a`), null, signal);
  await assert.rejects(found, (error: Error) => !/[\p{Cc}\p{Cf}]/u.test(error.message));
});

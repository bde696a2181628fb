import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Transport } from "../../src/client/transport.ts";
import { canceled } from "../../src/kit/abort.ts";

/** A server that answers each request on a connection with the next of the given byte pieces. */
async function serve(context: TestContext, ...answers: readonly (readonly string[])[]) {
  const folder = await mkdtemp("/tmp/duet-client-");
  const path = join(folder, "s");
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  let next = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("data", (bytes: Buffer) => {
      seen.push(bytes.toString());
      const pieces = answers[next];
      if (pieces === undefined || !/^(GET|POST|HEAD|DELETE|PUT) /.test(bytes.toString())) return;
      next += 1;
      void send(socket, pieces);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  context.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { path, seen, sockets };
}

async function send(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    if (piece === "END") socket.end();
    else await new Promise((resolve) => socket.write(piece, resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test("a chunked answer cut anywhere is put together again", async (context) => {
  const text =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{"a":1,\r\n6\r\n"b":2}\r\n0\r\n\r\n';
  const { path } = await serve(context, text.split(""));
  await using transport = new Transport(path);
  assert.deepEqual(await transport.json({ method: "GET", path: "/x" }), { a: 1, b: 2 });
});

test("a connection is used again once its answer is read", async (context) => {
  const answer = ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"];
  const { path, sockets } = await serve(context, answer, answer, answer);
  await using transport = new Transport(path);
  for (let call = 0; call < 3; call += 1) await transport.json({ method: "GET", path: "/x" });
  assert.equal(sockets.size, 1);
});

test("an answer without length ends with its connection", async (context) => {
  const { path } = await serve(context, ["HTTP/1.1 200 OK\r\n\r\nall of", " it", "END"]);
  await using transport = new Transport(path);
  const chunks: Buffer[] = [];
  for await (const bytes of transport.bytes({ method: "GET", path: "/x" })) chunks.push(bytes);
  assert.equal(Buffer.concat(chunks).toString(), "all of it");
});

test("an answer that stops early is an error of class unavailable", async (context) => {
  const { path } = await serve(context, [
    "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "END",
  ]);
  await using transport = new Transport(path);
  await assert.rejects(transport.json({ method: "GET", path: "/x" }), { code: "CONNECTION_LOST" });
});

test("a failure carries the daemon's message, code and hint", async (context) => {
  const body = JSON.stringify({
    message: "No such container: x\nlook at ps",
    code: "CONTAINER_NOT_FOUND",
    hint: "look at ps",
  });
  const { path } = await serve(context, [
    `HTTP/1.1 404 Not Found\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  ]);
  await using transport = new Transport(path);
  await assert.rejects(transport.json({ method: "GET", path: "/x" }), {
    class: "not-found",
    code: "CONTAINER_NOT_FOUND",
    message: "No such container: x",
    hint: "look at ps",
  });
});

test("bytes that follow an upgrade's head belong to the raw stream", async (context) => {
  const head = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
  const { path, seen } = await serve(context, [`${head}early`, " late", "END"]);
  await using transport = new Transport(path);
  const { socket, status } = await transport.hijack({ method: "POST", path: "/attach" });
  assert.equal(status, 101);
  const chunks: Buffer[] = [];
  for await (const bytes of socket) chunks.push(bytes as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), "early late");
  assert.match(seen[0]!, /Upgrade: tcp\r\n/);
});

test("aborting a call rejects with the signal's reason", async (context) => {
  const { path } = await serve(context, []);
  await using transport = new Transport(path);
  const controller = new AbortController();
  const call = transport.json({ method: "GET", path: "/x", signal: controller.signal });
  setImmediate(() => controller.abort(canceled("the test is over")));
  await assert.rejects(call, { class: "canceled" });
});

test("a line break in a path or header is refused before anything is sent", async (context) => {
  const { path, seen } = await serve(context, []);
  await using transport = new Transport(path);
  await assert.rejects(transport.json({ method: "GET", path: "/x\r\nEvil: 1" }), {
    class: "invalid",
  });
  assert.deepEqual(seen, []);
});

test("no daemon is an error that says where it was looked for", async () => {
  await using transport = new Transport("/nonexistent/duet.sock");
  await assert.rejects(transport.json({ method: "GET", path: "/x" }), {
    code: "DAEMON_UNREACHABLE",
    message: /\/nonexistent\/duet\.sock/,
  });
});

test("a streamed body is sent in chunks", async (context) => {
  const { path, seen } = await serve(context, ["HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
  await using transport = new Transport(path);
  async function* body(): AsyncGenerator<Buffer> {
    yield Buffer.from("one");
    yield Buffer.from("two");
  }
  await transport.done({ method: "PUT", path: "/x", body: body() });
  assert.match(seen.join(""), /Transfer-Encoding: chunked/);
});

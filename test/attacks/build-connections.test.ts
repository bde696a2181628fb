import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { never } from "../../src/kit/abort.ts";
import { GrpcClient } from "../../src/kit/grpc/client.ts";
import { control } from "../../src/spec/buildkit/control.ts";
import { RunningServer } from "../servers/docker/running-server.ts";

const frameSettings = Buffer.from("000000040000000000", "hex");
const preface = Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), frameSettings]);

/** A connection that has been upgraded to what `path` speaks. */
async function upgraded(server: RunningServer, path: string, more = ""): Promise<Socket> {
  const socket = connect(server.socket);
  socket.on("error", () => undefined);
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: d\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${more}\r\n`,
  );
  let head = "";
  while (!head.includes("\r\n\r\n"))
    head += ((await once(socket, "data")) as [Buffer])[0].toString("latin1");
  assert.match(head, /^HTTP\/1\.1 101 /);
  return socket;
}

async function client(server: RunningServer): Promise<GrpcClient> {
  return await GrpcClient.over(await upgraded(server, "/grpc"));
}

async function session(server: RunningServer): Promise<ClientHttp2Session> {
  const socket = await upgraded(server, "/grpc");
  const http2 = connectHttp2("http://localhost", { createConnection: () => socket });
  http2.on("error", () => undefined);
  return http2;
}

/** The server answers others as if nothing had happened. */
async function assertAlive(server: RunningServer): Promise<void> {
  const other = await client(server);
  const { records } = await other.call(control.listWorkers, {}, never);
  assert.equal(records.length, 1);
  other.close();
  assert.equal((await server.call("/_ping")).status, 200);
  assert.deepEqual(
    server.events.filter(({ level }) => level === "error"),
    [],
  );
}

/** Until it is closed, with an error or without. */
async function closed(stream: Duplex): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  stream.on("error", () => undefined).once("close", resolve);
  stream.resume();
  if (!stream.destroyed) await promise;
}

test("bytes that are no HTTP/2 end their own connection only", async () => {
  await using server = await RunningServer.start();
  for (const path of ["/grpc", "/session"]) {
    const socket = await upgraded(server, path, "X-Docker-Expose-Session-Uuid: abc\r\n");
    socket.write(Buffer.alloc(100_000, "nonsense"));
    await closed(socket);
  }
  const broken = await upgraded(server, "/grpc");
  broken.write(preface);
  broken.write(Buffer.from("ffffff000000000001", "hex"));
  await closed(broken);
  await assertAlive(server);
});

test("a request that does not upgrade, or names no session, is refused in JSON", async () => {
  await using server = await RunningServer.start();
  for (const path of ["/grpc", "/session"]) {
    const answer = await server.call(path, { method: "POST" });
    assert.equal(answer.status, 400);
    assert.match(answer.body, /no upgrade proto in request/);
  }
  const headers = { Connection: "Upgrade", Upgrade: "h2c" };
  const nameless = await server.call("/session", { method: "POST", headers });
  assert.equal(nameless.status, 400);
  assert.match(nameless.body, /the session has no id/);
  const strange = { ...headers, "X-Docker-Expose-Session-Uuid": "../../etc" };
  assert.equal((await server.call("/session", { method: "POST", headers: strange })).status, 400);
});

test("frames of gRPC that lie about their length, or claim to be compressed, fail their call only", async () => {
  await using server = await RunningServer.start();
  const http2 = await session(server);
  const ask = async (body: Buffer): Promise<string> => {
    const stream = http2.request({
      ":method": "POST",
      ":path": "/moby.buildkit.v1.Control/Solve",
      "content-type": "application/grpc",
    });
    const trailers = once(stream, "trailers") as Promise<[Record<string, string>]>;
    stream.resume().end(body);
    return (await trailers)[0]["grpc-status"] ?? "";
  };
  assert.equal(await ask(Buffer.from("00ffffffff", "hex")), "8");
  assert.equal(await ask(Buffer.from("010000000100", "hex")), "3");
  assert.equal(await ask(Buffer.from("000000000a0a", "hex")), "3");
  assert.equal(await ask(Buffer.from("00000000020aff", "hex")), "3");
  assert.equal(await ask(Buffer.alloc(0)), "2");
  http2.destroy();
  await assertAlive(server);
});

test("headers over the limit end no more than their connection", async () => {
  await using server = await RunningServer.start();
  const http2 = await session(server);
  const stream = http2.request({
    ":method": "POST",
    ":path": "/moby.buildkit.v1.Control/Info",
    ...Object.fromEntries(
      Array.from({ length: 60 }, (_, index) => [`x-${index}`, "y".repeat(1_000)]),
    ),
    "x-last": "z".repeat(8_000),
  });
  stream.end();
  await closed(stream);
  http2.destroy();
  await assertAlive(server);
});

test("calls that are begun and reset without end do not keep others from being answered", async () => {
  await using server = await RunningServer.start();
  const http2 = await session(server);
  await once(http2, "remoteSettings");
  for (let count = 0; count < 5_000 && !http2.destroyed; count += 1) {
    const stream = http2.request({
      ":method": "POST",
      ":path": "/moby.buildkit.v1.Control/Status",
    });
    stream.on("error", () => undefined);
    stream.close(8);
  }
  await assertAlive(server);
  http2.destroy();
  await assertAlive(server);
});

test("floods of pings and settings are ended or borne", async () => {
  await using server = await RunningServer.start();
  const ping = Buffer.from("0000080600000000000102030405060708", "hex");
  for (const flood of [ping, frameSettings]) {
    const socket = await upgraded(server, "/grpc");
    const ended = closed(socket);
    socket.write(preface);
    socket.end(Buffer.concat(Array.from({ length: 20_000 }, () => flood)));
    await ended;
  }
  await assertAlive(server);
});

test("a build that is named by nobody, and builds of one name twice, are told so", async () => {
  await using server = await RunningServer.start();
  const caller = await client(server);
  const waiting = new AbortController();
  const stream = caller.open(control.status, { "grpc-timeout": "50m" }, waiting.signal);
  await stream.send({ reference: "nothing" });
  stream.end();
  await assert.rejects(async () => {
    for await (const message of stream.responses) assert.fail(JSON.stringify(message));
  }, /took over|no such job/);
  const reference = "twice";
  const first = caller.call(control.solve, { reference, session: "absent" }, waiting.signal);
  first.catch(() => undefined);
  await assert.rejects(
    caller.call(control.solve, { reference, session: "absent" }, never),
    /job ID twice exists/,
  );
  for (const wrong of ["", "../x", "a".repeat(100)]) {
    await assert.rejects(caller.call(control.solve, { reference: wrong }, never), /job ID/);
  }
  caller.close();
  await assertAlive(server);
});

test("an id of a session is had by one client at a time, and goes when it leaves", async () => {
  await using server = await RunningServer.start();
  const id = "X-Docker-Expose-Session-Uuid: mine\r\n";
  const first = await upgraded(server, "/session", id);
  first.write(frameSettings);
  const second = await upgraded(server, "/session", id);
  second.write(frameSettings);
  await closed(second);
  first.destroy();
  const third = await upgraded(server, "/session", id);
  third.write(frameSettings);
  third.destroy();
  await assertAlive(server);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { Socket } from "node:net";
import { test } from "node:test";
import { FrameReader, opcode } from "../../../src/servers/docker/websocket/frames.ts";
import { WebSocketStream } from "../../../src/servers/docker/websocket/stream.ts";
import { readAll, RunningServer } from "./running-server.ts";

const key = "dGhlIHNhbXBsZSBub25jZQ==";

function opening(path: string, ...headers: string[]): string {
  const lines = [
    ...["Host: docker", "Connection: Upgrade", "Upgrade: websocket"],
    ...[`Sec-WebSocket-Key: ${key}`, "Sec-WebSocket-Version: 13"],
    ...headers,
  ];
  return `GET ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** A client's frame: masked. */
function frame(code: number, payload: string | Buffer, isFinal = true): Buffer {
  const plain = Buffer.from(payload);
  const mask = Buffer.from([1, 2, 3, 4]);
  const length =
    plain.length < 126
      ? Buffer.from([0x80 | plain.length])
      : Buffer.from([0x80 | 126, plain.length >> 8, plain.length & 0xff]);
  const masked = plain.map((byte, index) => byte ^ mask[index & 3]!);
  return Buffer.concat([Buffer.from([(isFinal ? 0x80 : 0) | code]), length, mask, masked]);
}

/** A server's frames, as opcode and text. */
function serverFrames(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const code = bytes[at]! & 0x0f;
    const short = bytes[at + 1]!;
    const head = short === 126 ? 4 : 2;
    const length = short === 126 ? bytes.readUInt16BE(at + 2) : short;
    const payload = bytes.subarray(at + head, at + head + length);
    found.push(`${code}:${code === opcode.close ? payload.readUInt16BE(0) : payload.toString()}`);
    at += head + length;
  }
  return found;
}

function body(answer: Buffer): Buffer {
  return answer.subarray(answer.indexOf("\r\n\r\n") + 4);
}

async function attach(server: RunningServer, path: string): Promise<[Socket, Promise<Buffer>]> {
  const socket = server.connect();
  const answer = readAll(socket);
  socket.write(opening(path));
  await once(socket, "data");
  return [socket, answer];
}

/** Resolves when the server has sent `text`, perhaps each byte in a frame of its own. */
async function echoed(socket: Socket, text: string): Promise<void> {
  let seen = "";
  while (!seen.replaceAll("\x82\x01", "").endsWith(text)) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    seen += chunk.toString("latin1");
  }
}

test("a WebSocket carries a container's streams, and its close ends the input", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["cat"], { OpenStdin: true, StdinOnce: true });
  const [socket, answer] = await attach(
    server,
    `/v1.43/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`,
  );
  const long = "x".repeat(300);
  socket.write(frame(opcode.ping, "well?"));
  socket.write(frame(opcode.binary, "begin ", false));
  socket.write(frame(opcode.continuation, `and end ${long}`));
  for (const byte of frame(opcode.text, "by bytes")) socket.write(Buffer.from([byte]));
  await echoed(socket, "by bytes");
  socket.write(frame(opcode.close, Buffer.from([3, 0xe8])));
  const received = await answer;
  assert.match(received.toString("latin1"), /^HTTP\/1\.1 101 Switching Protocols\r\n/);
  assert.match(received.toString("latin1"), /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  const frames = serverFrames(body(received));
  const data = frames.filter((text) => text.startsWith("2:")).map((text) => text.slice(2));
  assert.equal(data.join(""), `begin and end ${long}by bytes`);
  assert.ok(frames.includes("10:well?"), frames.join());
  assert.equal(frames.at(-1), "8:1000");
  assert.equal(server.engine.processes.get(id)!.inputClosed, true);
});

test("the container's end closes the WebSocket, and old clients get text", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const [, answer] = await attach(
    server,
    `/v1.27/containers/${id}/attach/ws?stream=1&stdout=1&stderr=1`,
  );
  const { output } = server.engine.processes.get(id)!;
  output.push("stdout", "out");
  output.push("stderr", "err");
  output.end();
  assert.deepEqual(serverFrames(body(await answer)), ["1:out", "1:err", "8:1000"]);
});

test("a frame that breaks the protocol ends the WebSocket and nothing else", async () => {
  await using server = await RunningServer.start();
  const broken = [
    Buffer.from([0x82, 0x01, 0x41]),
    Buffer.from([0xf2, 0x80, 1, 2, 3, 4]),
    frame(opcode.continuation, "no beginning"),
    frame(11, "no such"),
    frame(opcode.ping, "x".repeat(126)),
    Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4]),
  ];
  for (const bytes of broken) {
    const id = await server.create(["cat"], { OpenStdin: true });
    const path = `/containers/${id}/attach/ws?stream=1&stdin=1&stdout=1`;
    const [socket, answer] = await attach(server, path);
    socket.write(bytes);
    assert.deepEqual(serverFrames(body(await answer)), ["8:1002"], bytes.toString("hex"));
  }
  assert.equal((await server.call("/_ping")).status, 200);
});

test("pings of a client that reads nothing are not answered without end", async () => {
  const socket = new Socket();
  const answers: number[] = [];
  let isFull = false;
  Object.defineProperty(socket, "writableNeedDrain", { get: () => isFull });
  socket.write = (bytes: Uint8Array | string): boolean => {
    answers.push(bytes.length);
    return (isFull = answers.length > 2);
  };
  const stream = new WebSocketStream(socket, "binary");
  for (let sent = 0; sent < 50; sent += 1) socket.emit("data", frame(opcode.ping, "x"));
  assert.equal(answers.length, 3);
  stream.destroy();
});

test("web pages of other sites, and clients that open no WebSocket, are refused", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const path = `/containers/${id}/attach/ws?stream=1&stdout=1`;
  const answerTo = async (request: string): Promise<string> => {
    const socket = server.connect();
    const answer = readAll(socket);
    socket.end(request);
    return (await answer).toString("latin1").slice(9, 12);
  };
  assert.equal(await answerTo(opening(path, "Origin: http://evil.example")), "403");
  assert.equal(await answerTo(opening(path, "Sec-Fetch-Site: cross-site")), "403");
  assert.equal(await answerTo(opening(path).replace("Version: 13", "Version: 8")), "400");
  assert.equal(await answerTo(opening(path).replace(key, "short")), "400");
  assert.equal(await answerTo(opening("/containers/none/attach/ws")), "404");
  assert.equal((await server.call(path)).status, 400);
});

test("data is given on before its frame is whole", () => {
  const reader = new FrameReader();
  const bytes = frame(opcode.binary, "abcdef");
  const parts = [...reader.feed(bytes.subarray(0, 8)), ...reader.feed(bytes.subarray(8))];
  assert.deepEqual(
    parts.map((part) => part.bytes.toString()),
    ["ab", "cdef"],
  );
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { readAll, RunningServer } from "./running-server.ts";

const upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";

function attachHead(
  id: string,
  headers: string,
  query = "stream=1&stdin=1&stdout=1&stderr=1",
): string {
  return `POST /v1.43/containers/${id}/attach?${query} HTTP/1.1\r\nHost: docker\r\n${headers}\r\n`;
}

/** Splits the answer's head from what follows, and the frames of that. */
function split(answer: Buffer): { head: string; body: Buffer } {
  const end = answer.indexOf("\r\n\r\n");
  return { head: answer.toString("latin1", 0, end), body: answer.subarray(end + 4) };
}

function frames(body: Buffer): string[] {
  const result: string[] = [];
  for (let offset = 0; offset < body.length;) {
    const length = body.readUInt32BE(offset + 4);
    result.push(`${body[offset]}:${body.toString("utf8", offset + 8, offset + 8 + length)}`);
    offset += 8 + length;
  }
  return result;
}

// Docker tells of frames only where the connection was upgraded.
for (const [name, headers, status, type] of [
  ["with an Upgrade header", upgrade, "HTTP/1.1 101 UPGRADED", /multiplexed-stream/],
  ["without one", "", "HTTP/1.1 200 OK", /raw-stream/],
] as const) {
  test(`a client that attaches ${name} loses none of the input sent with the request, and may half-close`, async () => {
    await using server = await RunningServer.start();
    const id = await server.create(["cat"], { OpenStdin: true, StdinOnce: true });
    const socket = server.connect();
    const answer = readAll(socket);
    socket.end(`${attachHead(id, headers)}GET / HTTP/1.1\r\n\r\nearly`);
    const { head, body } = split(await answer);
    assert.ok(head.startsWith(status), head);
    assert.match(head, type);
    assert.equal(
      frames(body)
        .map((frame) => frame.slice(2))
        .join(""),
      "GET / HTTP/1.1\r\n\r\nearly",
    );
    assert.equal(server.engine.processes.get(id)!.inputClosed, true);
  });
}

test("what an attach announces as its body is no input of the process", async () => {
  await using server = await RunningServer.start();
  for (const headers of [upgrade, ""]) {
    const id = await server.create(["cat"], { OpenStdin: true, StdinOnce: true });
    const socket = server.connect();
    const answer = readAll(socket);
    const body = '{"stream":true}';
    const type = "Content-Type: application/json\r\n";
    const announced = `${type}Content-Length: ${body.length}\r\n${headers}`;
    socket.end(`${attachHead(id, announced)}${body}input`);
    assert.deepEqual(frames(split(await answer).body), ["1:input"]);
  }
});

test("a connection that has served other requests becomes a raw stream without being asked to upgrade", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["cat"], { OpenStdin: true, StdinOnce: true });
  const socket = server.connect();
  const ping = "POST /v1.43/containers/none/stop HTTP/1.1\r\nHost: docker\r\n";
  socket.write(`${ping}Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{"t":0}`);
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 404 /);
  const answer = readAll(socket);
  const body = '{"stream":true}';
  const type = "Content-Type: application/json\r\n";
  socket.write(`${attachHead(id, `${type}Content-Length: ${body.length}\r\n`)}${body}`);
  await once(socket, "data");
  socket.end("later input");
  const { head, body: rest } = split(await answer);
  assert.match(head, /^HTTP\/1\.1 200 OK/);
  assert.deepEqual(frames(rest), ["1:later input"]);
});

test("both outputs are told apart by frames, and an old version gets the raw type's name", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const fake = server.engine.processes.get(id)!;
  fake.output.push("stdout", "out");
  fake.output.push("stderr", "err");
  fake.exit(0);
  const socket = server.connect();
  socket.write(attachHead(id, upgrade).replace("v1.43", "v1.40"));
  const { head, body } = split(await readAll(socket));
  assert.match(head, /raw-stream/);
  assert.deepEqual(frames(body), ["1:out", "2:err"]);
});

test("a terminal's output is plain, and the detach keys end the attachment alone", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["cat"], { OpenStdin: true, StdinOnce: true, Tty: true });
  const socket = server.connect();
  const answer = readAll(socket);
  socket.write(`${attachHead(id, upgrade)}typed\x10\x11lost`);
  const { head, body } = split(await answer);
  assert.match(head, /raw-stream/);
  assert.equal(body.toString(), "typed");
  const fake = server.engine.processes.get(id)!;
  assert.deepEqual([fake.detached, fake.inputClosed], [true, false]);
  socket.destroy();
});

test("without stdin the end of the client's input ends nothing", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const socket = server.connect();
  const answer = readAll(socket);
  socket.end(attachHead(id, upgrade, "stream=1&stdout=1&stderr=1"));
  await once(socket, "finish");
  const fake = server.engine.processes.get(id)!;
  fake.output.push("stdout", "later");
  fake.exit(0);
  assert.deepEqual(frames(split(await answer).body), ["1:later"]);
});

test("exec reads its body before the connection turns raw, and then the input behind it", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  await server.post(`/containers/${id}/start`);
  const made = await server.post(`/containers/${id}/exec`, {
    Cmd: ["cat"],
    AttachStdin: true,
    AttachStdout: true,
  });
  const exec = (JSON.parse(made.body) as { Id: string }).Id;
  const body = '{"Detach":false,"Tty":false}';
  const socket = server.connect();
  const answer = readAll(socket);
  const head = `POST /v1.43/exec/${exec}/start HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${upgrade}\r\n`;
  socket.write(head + body.slice(0, 5));
  socket.write(`${body.slice(5)}input`);
  socket.end();
  assert.deepEqual(frames(split(await answer).body), ["1:input"]);
});

test("the head of an exec's answer comes by itself: buffered readers lose what comes with it", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  await server.post(`/containers/${id}/start`);
  for (let round = 0; round < 10; round += 1) {
    const made = await server.post(`/containers/${id}/exec`, {
      Cmd: ["echo", "x"],
      AttachStdout: true,
    });
    const exec = (JSON.parse(made.body) as { Id: string }).Id;
    const socket = server.connect();
    socket.write(
      `POST /exec/${exec}/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 2\r\n${upgrade}\r\n{}`,
    );
    const [first] = (await once(socket, "data")) as [Buffer];
    assert.ok(first.toString("latin1").endsWith("\r\n\r\n"));
    assert.deepEqual(frames(await readAll(socket)), ["1:x\n"]);
    socket.destroy();
  }
});

test("an exec that runs already, or whose container does not run, is a conflict with a status of its own", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const made = await server.post(`/containers/${id}/exec`, { Cmd: ["echo"] });
  const exec = (JSON.parse(made.body) as { Id: string }).Id;
  assert.equal((await server.post(`/exec/${exec}/start`, {})).status, 409);
  await server.post(`/containers/${id}/start`);
  assert.equal((await server.post(`/exec/${exec}/start`, { Detach: true })).status, 200);
  assert.equal((await server.post(`/exec/${exec}/start`, {})).status, 409);
});

test("an attach that fails is answered as HTTP, on a connection that ends", async () => {
  await using server = await RunningServer.start();
  const socket = server.connect();
  const answer = readAll(socket);
  socket.write(attachHead("nobody", upgrade));
  const { head, body } = split(await answer);
  assert.match(head, /^HTTP\/1\.1 404/);
  assert.match(body.toString(), /No such container: nobody/);
});

test("a reader that stops holds the output back instead of filling the server", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const fake = server.engine.processes.get(id)!;
  let taken = 0;
  const chunk = Buffer.alloc(64 << 10);
  fake.streams = () => ({
    output: (async function* () {
      for (; taken < 10_000; taken += 1) yield { stream: "stdout" as const, data: chunk };
    })(),
    write: async () => undefined,
    closeInput: async () => undefined,
    detach: () => undefined,
  });
  const socket = server.connect();
  socket.write(attachHead(id, upgrade, "stream=1&stdout=1"));
  await once(socket, "readable");
  socket.pause();
  // Nothing announces that the server has stopped reading: it must have, once a round trip changes nothing.
  let before = -1;
  while (taken !== before) {
    before = taken;
    await server.call("/_ping");
    await server.call("/_ping");
  }
  assert.ok(taken < 200, `${taken} chunks were taken`);
  socket.destroy();
});

test("wait answers its head at once, and its end when the process ends", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const socket = server.connect();
  socket.write(
    `POST /v1.43/containers/${id}/wait?condition=next-exit HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n`,
  );
  const [first] = (await once(socket, "data")) as [Buffer];
  assert.match(first.toString(), /^HTTP\/1\.1 200/);
  const rest = readAll(socket);
  server.engine.processes.get(id)!.exit(9);
  assert.match((await rest).toString(), /"StatusCode":9/);
});

test("a client that leaves ends what the engine does for it", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  for (const path of [
    `POST /containers/${id}/wait?condition=next-exit`,
    `GET /containers/${id}/logs?stdout=1&follow=1`,
    "GET /events",
  ]) {
    const socket = server.connect();
    socket.write(`${path} HTTP/1.1\r\nHost: docker\r\n\r\n`);
    await once(socket, "data");
    socket.destroy();
  }
  while (server.engine.aborted.length < 3) await server.call("/_ping");
  assert.deepEqual(server.engine.aborted.toSorted(), ["events", "logs", "wait"]);
});

test("the server closes with streams open", async () => {
  const server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const socket = server.connect();
  socket.on("error", () => undefined);
  socket.write(attachHead(id, upgrade));
  await once(socket, "data");
  const events = server.connect();
  events.on("error", () => undefined);
  events.write("GET /events HTTP/1.1\r\nHost: docker\r\n\r\n");
  await once(events, "data");
  socket.resume();
  events.resume();
  await server[Symbol.asyncDispose]();
  socket.destroy();
  events.destroy();
});

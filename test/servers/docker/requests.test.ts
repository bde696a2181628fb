import assert from "node:assert/strict";
import { test } from "node:test";
import { readAll, RunningServer } from "./running-server.ts";

test("ping answers what clients negotiate by", async () => {
  await using server = await RunningServer.start();
  for (const method of ["GET", "HEAD"]) {
    const answer = await server.call("/_ping", { method });
    assert.equal(answer.status, 200);
    assert.equal(answer.body, method === "GET" ? "OK" : "");
    assert.equal(answer.headers["api-version"], "1.51");
    assert.equal(answer.headers["ostype"], "linux");
    assert.equal(answer.headers["swarm"], "inactive");
    assert.equal(answer.headers["docker-experimental"], "false");
  }
});

test("versions outside the range are refused in Docker's words", async () => {
  await using server = await RunningServer.start();
  const old = await server.call("/v1.23/info");
  assert.equal(old.status, 400);
  assert.match(
    old.body,
    /client version 1\.23 is too old\. Minimum supported API version is 1\.24/,
  );
  const next = await server.call("/v1.99/info");
  assert.match(
    next.body,
    /client version 1\.99 is too new\. Maximum supported API version is 1\.51/,
  );
  for (const version of ["1.24", "1.41", "1.51"])
    assert.equal((await server.call(`/v${version}/info`)).status, 200);
});

test("unknown paths and methods are a page not found", async () => {
  await using server = await RunningServer.start();
  for (const path of ["/", "/nothing", "/v1.41", "/containers", "/v1.41/v1.41/info"]) {
    const answer = await server.call(path);
    assert.deepEqual(
      [answer.status, (JSON.parse(answer.body) as { message: string }).message],
      [404, "page not found"],
      path,
    );
  }
  assert.equal((await server.call("/info", { method: "DELETE" })).status, 404);
});

test("statuses follow the failure's class", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"], {});
  assert.equal((await server.call("/containers/nobody/json")).status, 404);
  assert.equal((await server.post(`/containers/${id}/start`)).status, 204);
  assert.equal((await server.post(`/containers/${id}/start`)).status, 304);
  assert.equal((await server.post("/containers/create?name=x", { Image: "absent" })).status, 404);
  assert.equal((await server.post("/containers/create", { Cmd: ["x"] })).status, 400);
  assert.equal((await server.post(`/containers/${id}/kill`)).status, 204);
});

test("a start with a body, or with one of unknown length, is refused, and an empty one of old clients is not", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"], {});
  const start = async (body: string, headers: Record<string, string> = {}): Promise<number> =>
    (await server.call(`/containers/${id}/start`, { method: "POST", body, headers })).status;
  assert.equal(await start('{"Binds":[]}'), 400);
  assert.equal(await start("", { "Transfer-Encoding": "chunked" }), 400);
  assert.equal(await start("null\n"), 204);
});

test("both forms of filters are read, and unknown filters refused", async () => {
  await using server = await RunningServer.start();
  await server.create(["stay"], { Labels: { a: "1" } });
  await server.create(["stay"], { Labels: { a: "2" } });
  const list = async (filters: object): Promise<number> => {
    const answer = await server.call(
      `/containers/json?all=1&filters=${encodeURIComponent(JSON.stringify(filters))}`,
    );
    return answer.status === 200 ? (JSON.parse(answer.body) as unknown[]).length : answer.status;
  };
  assert.equal(await list({ label: { "a=1": true } }), 1);
  assert.equal(await list({ label: ["a"] }), 2);
  assert.equal(await list({ label: { "a=1": false } }), 2);
  assert.equal(await list({ status: ["created"] }), 2);
  assert.equal(await list({ status: ["dreaming"] }), 400);
  assert.equal(await list({ colour: ["red"] }), 400);
});

test("inspect gives back what create was asked for", async () => {
  await using server = await RunningServer.start();
  const host = {
    Binds: ["/a:/b"],
    Memory: 64 << 20,
    SecurityOpt: ["no-new-privileges"],
    PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
  };
  const id = await server.create(["stay"], {
    Env: ["A=b"],
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { ...host, CapAdd: ["SYS_TIME"] },
    Labels: { l: "<&>" },
  });
  const body = JSON.parse((await server.call(`/containers/${id}/json`)).body) as {
    Name: string;
    Config: { Env: string[]; Cmd: string[]; Labels: object; ExposedPorts: object };
    HostConfig: Record<string, unknown>;
    State: { Status: string; StartedAt: string };
  };
  assert.deepEqual(body.Config.Cmd, ["stay"]);
  assert.deepEqual(body.Config.Labels, { l: "<&>" });
  assert.deepEqual(body.Config.ExposedPorts, { "80/tcp": {} });
  for (const [key, value] of Object.entries(host))
    assert.deepEqual(body.HostConfig[key], value, key);
  assert.deepEqual([body.State.Status, body.State.StartedAt], ["created", "0001-01-01T00:00:00Z"]);
  assert.deepEqual(
    [body.HostConfig["Runtime"], body.HostConfig["LogConfig"]],
    ["runc", { Type: "json-file", Config: {} }],
  );
});

test("a thousand stopped containers are listed whole; how fast, the benchmark tells", async () => {
  await using server = await RunningServer.start();
  const body = {
    Labels: { "com.example.project": "x" },
    HostConfig: { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } },
  };
  for (let index = 0; index < 1_000; index += 1) await server.create(["stay", "some words"], body);
  for (const record of server.engine.records.values()) {
    server.engine.change(record.id, { state: "exited", startedAt: 1, finishedAt: 2 });
  }
  const answer = await server.call("/containers/json?all=1");
  const listed = JSON.parse(answer.body) as { Id: string; State: string }[];
  assert.equal(new Set(listed.map(({ Id }) => Id)).size, 1_000);
  assert.ok(listed.every(({ State }) => State === "exited"));
});

test("events are one line each, with all digits of their time", async () => {
  await using server = await RunningServer.start();
  server.engine.events.push({
    type: "container",
    action: "start",
    id: "abc",
    attributes: { name: "web", image: "busybox" },
    timeNanoseconds: 1_767_000_000_123_456_789n,
  });
  const socket = server.connect();
  socket.write("GET /events HTTP/1.0\r\nHost: docker\r\n\r\n");
  const answer = readAll(socket);
  while (server.engine.aborted.length === 0) {
    await server.call("/_ping");
    if (socket.bytesRead > 300) socket.end();
  }
  const text = (await answer).toString();
  assert.match(text, /"timeNano":1767000000123456789\}/);
  assert.match(text, /"status":"start","id":"abc","from":"busybox","Type":"container"/);
});

test("a failure in the middle of a pull becomes a line of its stream", async () => {
  await using server = await RunningServer.start();
  const answer = await server.post("/images/create?fromImage=broken/x&tag=latest");
  assert.equal(answer.status, 200);
  const last = JSON.parse(answer.body.trim().split("\r\n").at(-1)!) as {
    error: string;
    errorDetail: object;
  };
  assert.deepEqual(last, {
    errorDetail: { message: "the layer is damaged" },
    error: "the layer is damaged",
  });
  assert.equal((await server.post("/images/create?fromImage=nowhere/x")).status, 404);
});

test("credentials of a pull reach the engine", async () => {
  await using server = await RunningServer.start();
  const auth = Buffer.from(JSON.stringify({ username: "u", password: "p?>" })).toString(
    "base64url",
  );
  await server.call("/images/create?fromImage=busybox&tag=1", {
    method: "POST",
    headers: { "X-Registry-Auth": auth },
  });
  assert.deepEqual(server.engine.pulls, [
    { reference: "busybox:1", auth: { username: "u", password: "p?>", identityToken: "" } },
  ]);
});

test("archives are unpacked by their first bytes, however they come", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const { gzipSync, zstdCompressSync } = await import("node:zlib");
  for (const pack of [(bytes: Buffer) => bytes, gzipSync, zstdCompressSync]) {
    server.engine.extracted.length = 0;
    const tar = Buffer.alloc(100_000, "tar");
    const answer = await server.call(`/containers/${id}/archive?path=/x`, {
      method: "PUT",
      body: new Uint8Array(pack(tar)),
      headers: { "Content-Type": "application/x-tar" },
    });
    assert.equal(answer.status, 200, answer.body);
    assert.ok(Buffer.concat(server.engine.extracted).equals(tar));
  }
  const damaged = Buffer.concat([
    gzipSync(Buffer.alloc(9_000)).subarray(0, 30),
    Buffer.alloc(50, 7),
  ]);
  const answer = await server.call(`/containers/${id}/archive?path=/x`, {
    method: "PUT",
    body: new Uint8Array(damaged),
  });
  assert.ok(answer.status >= 400 && answer.status < 600);
});

test("Duet's own API tells of the host", async () => {
  await using server = await RunningServer.start();
  const answer = await server.call("/duet/v1/info");
  const body = JSON.parse(answer.body) as { runtimes: { isolation: string }[] };
  assert.deepEqual(
    body.runtimes.map((runtime) => runtime.isolation),
    ["container", "vm"],
  );
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { lstat } from "node:fs/promises";
import { test } from "node:test";
import { readAll, RunningServer, type RequestOptions } from "../servers/docker/running-server.ts";

/** Group F of the attack list, as far as the API server alone answers for it. */

async function raw(server: RunningServer, text: string | Buffer): Promise<string> {
  const socket = server.connect();
  const answer = readAll(socket);
  socket.write(text);
  const bytes = await answer;
  socket.destroy();
  return bytes.toString("latin1");
}

test("71: a host that DNS rebinding could have chosen is refused, local names are not", async () => {
  await using server = await RunningServer.start();
  const status = async (host: string) =>
    (await server.call("/_ping", { headers: { Host: host } })).status;
  for (const host of [
    "evil.example.com",
    "evil.example.com:80",
    "1.2.3.4",
    "a.local",
    "[2001:db8::1]",
    "127.0.0.1.nip.io",
  ]) {
    assert.equal(await status(host), 421, host);
  }
  for (const host of [
    "docker",
    "localhost:2375",
    "api.moby.localhost",
    "127.0.0.1",
    "[::1]:80",
    "%2Frun%2Fduet.sock",
    "duet.example.org",
  ]) {
    assert.equal(await status(host), 200, host);
  }
});

test("71: requests that web pages can make are refused", async () => {
  await using server = await RunningServer.start();
  const call = async (options: RequestOptions) =>
    (
      await server.call("/containers/create", {
        method: "POST",
        body: '{"Image":"busybox"}',
        ...options,
      })
    ).status;
  assert.equal(await call({ headers: { Origin: "https://evil.example.com" } }), 403);
  assert.equal(await call({ headers: { Origin: "null" } }), 403);
  assert.equal(await call({ headers: { "Sec-Fetch-Site": "cross-site" } }), 403);
  assert.equal(await call({ headers: { "Sec-Fetch-Site": "same-site" } }), 403);
  for (const type of [
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
  ]) {
    assert.equal(await call({ headers: { "Content-Type": type } }), 403, type);
  }
  assert.equal(server.engine.records.size, 0);
  const allowed = await server.call("/_ping");
  assert.equal(allowed.headers["access-control-allow-origin"], undefined);
  const id = await server.create(["stay"]);
  const attach = await raw(
    server,
    `POST /containers/${id}/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nOrigin: http://evil.example.com\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
  );
  assert.match(attach, /^HTTP\/1\.1 403/);
});

test("73: a JSON body over 4 MiB is refused, announced or not", async () => {
  await using server = await RunningServer.start();
  const big = JSON.stringify({ Image: "busybox", Env: ["A=".padEnd(5 << 20, "x")] });
  assert.equal(
    (await server.call("/containers/create", { method: "POST", body: big })).status,
    413,
  );
  const socket = server.connect();
  socket.on("error", () => undefined);
  const answer = readAll(socket);
  socket.write(
    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  const chunk = `100000\r\n${"x".repeat(1 << 20)}\r\n`;
  for (let count = 0; count < 6; count += 1) socket.write(chunk);
  assert.match((await answer).toString("latin1"), /^HTTP\/1\.1 413/);
  socket.destroy();
  assert.equal((await server.call("/_ping")).status, 200);
});

test("73: bytes after an empty body are no part of it, and two lengths are refused", async () => {
  await using server = await RunningServer.start();
  const smuggled = await raw(
    server,
    "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 0\r\n\r\n" +
      '{"Image":"busybox"}\r\n\r\n',
  );
  assert.match(smuggled, /^HTTP\/1\.1 400/);
  for (const heads of [
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\nContent-Length: 6\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 0x10\r\n",
    "Transfer-Encoding: chunked, identity\r\n",
    "Transfer-Encoding: x\r\n",
  ]) {
    const answer = await raw(
      server,
      `POST /containers/create HTTP/1.1\r\nHost: d\r\n${heads}\r\n5\r\nhello\r\n0\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 4\d\d/, heads);
    assert.equal(answer.split("HTTP/1.1 2").length, 1, heads);
  }
  assert.equal(server.engine.records.size, 0);
});

test("73: a hijacking request cannot announce an endless or chunked body", async () => {
  await using server = await RunningServer.start();
  for (const heads of ["Content-Length: 99999999999\r\n", "Transfer-Encoding: chunked\r\n"]) {
    const answer = await raw(
      server,
      `POST /exec/abc/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n${heads}\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 4\d\d/, heads);
  }
});

test(
  "74: a head that does not come, or comes byte by byte, is cut off",
  { timeout: 1_200_000 },
  async () => {
    await using server = await RunningServer.start();
    const sockets = ["", "GET /_pi", "POST /containers/x/attach HTTP/1.1\r\nHost: d\r\n"].map(
      (start) => {
        const socket = server.connect();
        socket.on("error", () => undefined);
        socket.write(start);
        socket.resume();
        return socket;
      },
    );
    await Promise.all(sockets.map((socket) => once(socket, "end")));
    for (const socket of sockets) socket.destroy();
    assert.equal((await server.call("/_ping")).status, 200);
  },
);

test("74: connections over the cap are refused, and others go on", async () => {
  await using server = await RunningServer.start();
  const sockets = [];
  for (let count = 0; count < 2_100; count += 1) {
    const socket = server.connect();
    socket.on("error", () => undefined);
    sockets.push(socket);
    await once(socket, "connect");
  }
  for (const socket of sockets.slice(0, 200)) socket.destroy();
  for (;;) {
    const answer = await server.call("/_ping").catch(() => null);
    if (answer?.status === 200) break;
  }
  assert.ok(server.events.some((event) => event.event === "connection-refused"));
  for (const socket of sockets) socket.destroy();
});

test("75: paths are decoded once, and a name is never a path", async () => {
  await using server = await RunningServer.start();
  const status = async (path: string) => (await server.call(path)).status;
  for (const name of [
    "..%2fx",
    "%2e%2e",
    "..%2f..%2fetc",
    "a%00b",
    "a%0ab",
    "a%2fb",
    "%ff%fe",
    "%",
    "%zz",
    "..%5c..%2f",
  ]) {
    assert.equal(await status(`/containers/${name}/json`), 400, name);
  }
  assert.equal(await status("/containers/%252e%252e%252fx/json"), 404);
  assert.equal(await status("/containers/%2Fweb/json"), 404);
  assert.equal(await status("/images/..%2f..%2fetc/json"), 400);
  assert.equal(await status("/images/../../etc/json"), 400);
  assert.equal(await status("/images/library/busybox/json"), 404);
  assert.equal(await status("/containers/json?filters=%00"), 400);
  assert.equal(await status("/containers/json?filters=%zz"), 400);
});

test("75: an id or filter of a megabyte is refused", async () => {
  await using server = await RunningServer.start();
  const long = "a".repeat(1 << 20);
  for (const path of [`/containers/${long}/json`, `/containers/json?filters=${long}`]) {
    const answer = await raw(server, `GET ${path} HTTP/1.1\r\nHost: d\r\n\r\n`).catch(
      () => "HTTP/1.1 431",
    );
    assert.match(answer, /^HTTP\/1\.1 4\d\d|^$/);
  }
  assert.equal((await server.call("/_ping")).status, 200);
});

test("76: JSON of wrong types, sizes and depths is refused with the field's path", async () => {
  await using server = await RunningServer.start();
  const host = (text: string) => `{"Image":"busybox","HostConfig":${text}}`;
  const cases: [string, RegExp][] = [
    [
      host('{"Memory":"1e9"}'),
      /string into Go struct field CreateRequest\.HostConfig\.Memory of type int64/,
    ],
    [host('{"Memory":9007199254740993}'), /HostConfig\.Memory/],
    [host('{"Memory":-0}'), /HostConfig\.Memory/],
    [host('{"Memory":1.5}'), /HostConfig\.Memory/],
    [host('{"Memory":1e400}'), /HostConfig\.Memory/],
    [host('{"Memory":NaN}'), /^invalid JSON: invalid character 'N'/],
    [host("[]"), /array into Go struct field CreateRequest\.HostConfig of type HostConfig/],
    [host('{"Binds":{}}'), /object into .*HostConfig\.Binds of type \[\]string/],
    [host('{"Binds":[1]}'), /number 1 into .*HostConfig\.Binds of type string/],
    [host('{"Privileged":"true"}'), /string into .*HostConfig\.Privileged of type bool/],
    [host('{"PortBindings":{"80/tcp":[[]]}}'), /PortBindings/],
    ['{"Image":"busybox","Env":"A=b"}', /string into .*CreateRequest\.Env of type \[\]string/],
    ['{"Image":"busybox","Env":["A=\\u0000"]}', /NUL byte/],
    ['{"Image":"busybox","Labels":[]}', /array into .*Labels of type map\[string\]string/],
    ['{"Image":["busybox"]}', /array into .*Image of type string/],
    ["[]", /array into Go value of type CreateRequest/],
    ["{", /^invalid JSON: /],
    ['"busybox"', /string into Go value of type CreateRequest/],
    ["[".repeat(100_000), /deeper than 64 levels/],
    [`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, /deeper than 64 levels/],
  ];
  for (const [body, message] of cases) {
    const answer = await server.call("/containers/create", { method: "POST", body });
    assert.equal(answer.status, 400, `${body.slice(0, 80)} → ${answer.body.slice(0, 200)}`);
    assert.match((JSON.parse(answer.body) as { message: string }).message, message);
  }
  assert.equal(server.engine.records.size, 0);
});

test("76: keys that name prototypes are data", async () => {
  await using server = await RunningServer.start();
  const body =
    '{"Image":"busybox","Labels":{"__proto__":"x","constructor":"y"},"__proto__":{"Privileged":true},"HostConfig":{"__proto__":{"Privileged":true}}}';
  assert.equal((await server.call("/containers/create", { method: "POST", body })).status, 201);
  assert.equal(server.engine.lastSpec?.security.privileged, false);
  assert.deepEqual(Object.keys(server.engine.lastSpec?.labels ?? {}), ["__proto__", "constructor"]);
  assert.equal(({} as { Privileged?: boolean }).Privileged, undefined);
  const filtered = await server.call(
    `/containers/json?all=1&filters=${encodeURIComponent('{"label":["toString","__proto__"]}')}`,
  );
  assert.equal(JSON.parse(filtered.body).length, 0);
});

test("78: sets, quotas and patterns from clients are bounded", async () => {
  await using server = await RunningServer.start();
  const start = performance.now();
  for (const host of [
    { CpusetCpus: "0-4294967295" },
    { CpusetCpus: "0-8192" },
    { CpusetCpus: "1,".repeat(5_000) },
    { CpusetMems: "9-1" },
    { NanoCpus: 9.3e18 },
    { Sysctls: { "../x": "1" } },
    { DeviceCgroupRules: ["c 1:3 rwmx"] },
    { PortBindings: { "1-99999999999/tcp": [{}] } },
    { PortBindings: { "1-65535/tcp": Array.from({ length: 10_000 }, () => ({})) } },
  ]) {
    const answer = await server.post("/containers/create", { Image: "busybox", HostConfig: host });
    assert.equal(answer.status, 400, JSON.stringify(host).slice(0, 80));
  }
  await server.create(["stay"], {});
  for (const record of server.engine.records.values()) {
    server.engine.change(record.id, { name: `${"a".repeat(200)}!` });
  }
  for (const pattern of ["^(a+)+$", "(a|a)*b", "(a|aa)+$", "^(.*,)*x"]) {
    const filters = encodeURIComponent(JSON.stringify({ name: [pattern] }));
    assert.equal((await server.call(`/containers/json?all=1&filters=${filters}`)).status, 200);
    const globs = encodeURIComponent(JSON.stringify({ reference: [`${"*a".repeat(100)}b`] }));
    assert.equal((await server.call(`/images/json?filters=${globs}`)).status, 200);
  }
  assert.ok(performance.now() - start < 60_000);
});

test("80: names and messages from clients stay inside JSON, and the log", async () => {
  await using server = await RunningServer.start();
  const nasty = '\u001b[31m<script>"\r\nX-Injected: 1';
  const answer = await server.post("/containers/create", {
    Image: "busybox",
    Labels: { [nasty]: nasty },
  });
  assert.equal(answer.status, 201);
  const list = await server.call("/containers/json?all=1");
  assert.match(String(list.headers["content-type"]), /^application\/json/);
  assert.deepEqual((JSON.parse(list.body) as { Labels: object }[])[0]!.Labels, { [nasty]: nasty });
  const missing = await server.call(`/images/${encodeURIComponent("<b>x")}/json`);
  assert.match(String(missing.headers["content-type"]), /^application\/json/);
  assert.equal((await server.call(`/images/${encodeURIComponent(nasty)}/json`)).status, 400);
  assert.equal(list.headers["x-injected"], undefined);
});

test("82: the socket belongs to its owner and group alone, from its first moment", async () => {
  await using server = await RunningServer.start();
  const stat = await lstat(server.socket);
  assert.ok(stat.isSocket());
  assert.equal(stat.mode & 0o777, 0o660);
});

test("83: credentials and bodies never reach the log, nor messages", async () => {
  await using server = await RunningServer.start();
  const secret = "hunter2-secret";
  const auth = Buffer.from(JSON.stringify({ username: "u", password: secret })).toString(
    "base64url",
  );
  const headers = { "X-Registry-Auth": auth };
  const answers = [
    await server.call("/images/create?fromImage=nowhere/x", { method: "POST", headers }),
    await server.call("/images/create?fromImage=broken/x", { method: "POST", headers }),
    await server.call("/images/x/push", { method: "POST", headers }),
    await server.post("/auth", { username: "u", password: secret, serveraddress: "r.example.org" }),
    await server.post("/auth", { username: "u", password: secret, serveraddress: 5 }),
    await server.post("/containers/create", { Image: "absent", Env: [`TOKEN=${secret}`] }),
    await server.post("/containers/create", { Image: "busybox", Env: [`=${secret}`.slice(1), 5] }),
  ];
  for (const answer of answers) assert.equal(answer.body.includes(secret), false, answer.body);
  const said = JSON.stringify(server.events, (_key, value: unknown) =>
    value instanceof Error ? `${value.stack ?? ""} ${String(value.cause)}` : value,
  );
  assert.equal(said.includes(secret), false);
  assert.equal(said.includes(auth), false);
});

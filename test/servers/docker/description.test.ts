import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Engine } from "../../../src/engine/engine.ts";
import type { Log } from "../../../src/kit/log.ts";
import { buildkitRoutes } from "../../../src/servers/buildkit/routes.ts";
import { createBuildKit } from "../../../src/servers/buildkit/service.ts";
import { routes } from "../../../src/servers/docker/routes.ts";
import type { ContainerInspect } from "../../../src/spec/docker/container.ts";
import { operations } from "../../../src/spec/docker/description/operations/all.ts";
import { AnswerCheck } from "../../answers/answer-check.ts";
import { RunningServer } from "./running-server.ts";

test("every route is described, and everything described is served", () => {
  const builders = buildkitRoutes(
    createBuildKit({} as Engine, {} as Log, { history: null, agents: "" }),
    async () => undefined,
  );
  const served = [...routes, ...builders].map(({ method, path }) => `${method} ${path}`).toSorted();
  const described = operations.map(({ route }) => route).toSorted();
  assert.deepEqual(served, described);
});

/** What Docker says first. */
const prefixes: Readonly<Record<string, { readonly refused?: string; readonly unread?: string }>> =
  {
    "POST /build/prune": { refused: "failed to prune build cache: " },
    "GET /volumes": { unread: "error reading volume filters: " },
  };

test("lists and prunes take the described filters, and refuse others by name", async () => {
  await using server = await RunningServer.start();
  for (const { route, filters, query } of operations) {
    const [method = "", path = ""] = route.split(" ");
    if (filters === undefined || path === "/events" || path === "/images/search") continue;
    assert.equal(query?.["filters"], "filters", route);
    const ask = async (name: string): Promise<string> => {
      const text = encodeURIComponent(JSON.stringify({ [name]: ["1"] }));
      return (await server.call(`${path}?filters=${text}`, { method })).body;
    };
    for (const name of filters) {
      assert.ok(!(await ask(name)).includes(`invalid filter '${name}'"`), `${route} ${name}`);
    }
    const { refused = "", unread = "" } = prefixes[route] ?? {};
    assert.ok(
      (await ask("nonsense")).includes(`"message":"${refused}invalid filter 'nonsense'`),
      route,
    );
    const broken = await server.call(`${path}?filters=nonsense`, { method });
    assert.ok(broken.body.includes(`"message":"${unread}invalid filter"`), route);
  }
});

test("answers have what their API version has, from 1.24 to 1.51", async () => {
  await using server = await RunningServer.start();
  const id = await server.create(["stay"]);
  const ask = async (version: number, path: string): Promise<Record<string, object>> => {
    const answer = await server.call(`/v1.${version}${path}`);
    assert.equal(answer.status, 200, `${version} ${path}: ${answer.body}`);
    return JSON.parse(answer.body) as Record<string, object>;
  };
  // What each answer holds is compared with the description when the server ends.
  for (let version = 24; version <= 51; version += 1) {
    for (const path of ["/containers/json?all=1", `/containers/${id}/json`, "/images/json"]) {
      await ask(version, path);
    }
    for (const path of ["/networks", "/volumes", "/version", "/system/df"])
      await ask(version, path);
    const info = await ask(version, "/info");
    assert.equal("KernelMemory" in info, version < 42);
    assert.equal("BridgeNfIptables" in info, version < 50);
    assert.equal("FirewallBackend" in info, version >= 49);
    const image = await ask(version, "/images/busybox/json");
    assert.equal("VirtualSize" in image, version < 44);
    assert.equal("ContainerConfig" in image, version < 45);
    assert.equal("Hostname" in image["Config"]!, version < 50);
  }
});

test("what belongs to a swarm or to plugins is answered as by a daemon that has neither", async () => {
  await using server = await RunningServer.start();
  const cases: [string, number, RegExp][] = [
    ["GET /services", 503, /This node is not a swarm manager/],
    ["GET /nodes/x", 503, /This node is not a swarm manager/],
    ["POST /secrets/create", 503, /This node is not a swarm manager/],
    ["POST /services/x/update", 400, /invalid service version ''/],
    ["POST /services/x/update?version=1", 503, /not a swarm manager/],
    ["POST /configs/x/update", 400, /invalid config version"/],
    ["GET /tasks/x/logs", 500, /you must choose at least one stream/],
    ["GET /tasks/x/logs?stdout=1", 503, /not a swarm manager/],
    ["POST /swarm/init", 400, /invalid ListenAddr \\"\\": invalid empty address/],
    ["POST /swarm/leave", 503, /This node is not part of a swarm"/],
    ["POST /swarm/dance", 404, /page not found/],
    ["GET /plugins", 200, /^\[\]/],
    ["GET /plugins/a/b/json", 404, /plugin \\"a\/b\\" not found/],
    ["DELETE /plugins/x", 404, /plugin \\"x\\" not found/],
    ["POST /plugins/pull", 501, /no plugins/],
    ["POST /session", 400, /no upgrade proto in request/],
    ["POST /build/cancel", 400, /build ID not provided/],
    ["GET /containers/x/checkpoints", 501, /experimental/],
    ["PUT /volumes/x", 503, /swarm is unavailable/],
  ];
  for (const [request, status, body] of cases) {
    const [method = "", path = ""] = request.split(" ");
    const answer = await server.call(path, { method });
    assert.equal(answer.status, status, request);
    assert.match(answer.body, body, request);
  }
});

test("paths with double slashes are sent on, and every path answers OPTIONS", async () => {
  await using server = await RunningServer.start();
  const sent = await server.call("//v1.41//containers/json?all=1");
  assert.deepEqual([sent.status, sent.headers.location], [301, "/v1.41/containers/json?all=1"]);
  for (const path of ["/containers/json", "/nothing"]) {
    const answer = await server.call(path, { method: "OPTIONS" });
    assert.deepEqual([answer.status, answer.body], [200, ""]);
  }
});

test("too old a client is refused in plain text, too new a one in JSON", async () => {
  await using server = await RunningServer.start();
  const old = await server.call("/v1/info");
  assert.deepEqual([old.status, old.headers["content-type"]], [400, "text/plain; charset=utf-8"]);
  const next = await server.call("/v2/info");
  assert.equal(next.headers["content-type"], "application/json");
  assert.match(next.body, /client version 2 is too new/);
});

test("the comparison with the description finds what does not fit", () => {
  const check = new AnswerCheck();
  const faults = (method: string, url: string, status: number, value: unknown): string => {
    const head = { method, url, status, contentType: "application/json" };
    return check.whole(head, JSON.stringify(value)).join("; ");
  };
  const answer = { Id: "a", Warnings: [] };
  assert.equal(faults("POST", "/containers/create", 201, answer), "");
  assert.match(faults("POST", "/containers/create", 201, { Id: "a" }), /Warnings is missing/);
  assert.match(faults("POST", "/containers/create", 201, { ...answer, Id: 1 }), /Id is not string/);
  assert.match(
    faults("POST", "/containers/create", 201, { ...answer, X: 1 }),
    /X is not described/,
  );
  assert.match(faults("POST", "/containers/create", 201, { ...answer, Warnings: null }), /a list/);
  assert.match(faults("POST", "/containers/create", 200, answer), /status is not described/);
  assert.match(faults("POST", "/containers/create", 404, {}), /message is missing/);
  assert.match(faults("GET", "/nothing", 200, {}), /request is not described/);
  assert.match(faults("GET", "/v1.43/images/json", 200, [{ Id: "a" }]), /VirtualSize is missing/);
  assert.doesNotMatch(faults("GET", "/v1.44/images/json", 200, [{ Id: "a" }]), /VirtualSize/);
});

test("a parameter that an API version does not have is as if absent", async () => {
  await using server = await RunningServer.start();
  const create = async (version: string): Promise<number> => {
    const path = `/v${version}/containers/create?platform=linux/s390x`;
    return (await server.post(path, { Image: "busybox" })).status;
  };
  assert.deepEqual([await create("1.40"), await create("1.41")], [201, 404]);
});

test("handlers read no parameter that is not described", async () => {
  const described = new Set(operations.flatMap(({ query = {} }) => Object.keys(query)));
  const folder = join(import.meta.dirname, "../../../src/servers/docker");
  const files = await readdir(folder, { recursive: true });
  for (const file of files.filter((name) => name.endsWith(".ts"))) {
    const text = await readFile(join(folder, file), "utf8");
    for (const [, name = ""] of text.matchAll(/query\.(?:text|flag|integer|all|has)\("([^"]+)"/g)) {
      assert.ok(described.has(name), `${file}: ${name}`);
    }
  }
});

test("a create request means what it meant in its API version", async () => {
  await using server = await RunningServer.start();
  const create = async (version: string, host: object, more: object = {}) => {
    const answer = await server.post(`/v${version}/containers/create`, {
      Image: "busybox",
      HostConfig: host,
      ...more,
    });
    return JSON.parse(answer.body) as { Id: string; Warnings: string[]; message: string };
  };
  const inspect = async (id: string) =>
    (JSON.parse((await server.call(`/containers/${id}/json`)).body) as ContainerInspect).HostConfig;
  const bind = { Type: "bind", Source: "/tmp", Target: "/x", ReadOnly: true };
  const asked = { Annotations: { a: "b" }, ConsoleSize: [3, 4], Mounts: [bind] };
  const old = await inspect((await create("1.39", asked)).Id);
  assert.deepEqual([old.IpcMode, old.CgroupnsMode, old.ConsoleSize], ["shareable", "host", [0, 0]]);
  assert.equal(old.Annotations, undefined);
  assert.deepEqual(old.Mounts, [{ ...bind, BindOptions: { ReadOnlyNonRecursive: true } }]);
  const now = await inspect((await create("1.51", asked)).Id);
  assert.deepEqual([now.Annotations, now.ConsoleSize, now.Mounts], [{ a: "b" }, [3, 4], [bind]]);
  const volume = { Type: "volume", Source: "v", Target: "/v", VolumeOptions: { Subpath: "s" } };
  assert.match((await create("1.44", { Mounts: [volume] })).message, /needs API v1\.45/);
  const image = { Type: "image", Source: "busybox", Target: "/i" };
  assert.match((await create("1.47", { Mounts: [image] })).message, /needs API v1\.48/);
  const mac = { MacAddress: "02:42:ac:11:00:09" };
  assert.equal((await create("1.43", {}, mac)).Warnings.length, 0);
  assert.match((await create("1.44", {}, mac)).Warnings[0] ?? "", /MacAddress field is now/);
  const other = { EndpointsConfig: { bridge: { MacAddress: "02:42:ac:11:00:10" } } };
  const both = await create("1.44", {}, { ...mac, NetworkingConfig: other });
  assert.match(both.message, /container-wide MAC address must match/);
  const two = { NetworkingConfig: { EndpointsConfig: { b: {}, a: {} } } };
  assert.match((await create("1.43", {}, two)).message, /multiple network endpoints: a, b$/);
});

test("an image of another platform than the one asked for is not found", async () => {
  await using server = await RunningServer.start();
  const ask = async (version: string, path: string, platform: string): Promise<number> => {
    const query = `platform=${encodeURIComponent(platform)}`;
    return (await server.call(`/v${version}/images/busybox/${path}?${query}`)).status;
  };
  const other = '{"os":"linux","architecture":"s390x"}';
  assert.deepEqual(
    [await ask("1.49", "json", other), await ask("1.48", "json", other)],
    [404, 200],
  );
  assert.equal(await ask("1.48", "history", other), 404);
  assert.equal(await ask("1.51", "json", '{"os":"linux","architecture":"amd64"}'), 200);
  assert.equal(await ask("1.51", "json", "linux/amd64"), 400);
});

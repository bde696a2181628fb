import assert from "node:assert/strict";
import { join } from "node:path";
import { before, test } from "node:test";
import type { DistributionInspect } from "../../src/spec/docker/image.ts";
import { containersOnly, TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { startRegistry } from "./registry.ts";
import { serveOnHost } from "./serve-on-host.ts";
import { ownerOfTests } from "./owner.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;
let registry: string;

before(async () => {
  const proxy = "http://user:p%40ss@127.0.0.1:3128";
  const proxies = ["--http-proxy", proxy, "--https-proxy", proxy, "--no-proxy", "10.0.0.0/8"];
  const trusted = ["--insecure-registry", "registry.invalid:5000"];
  daemon = await TestDaemon.start(owner, { flags: [...containersOnly, ...proxies, ...trusted] });
  registry = await startRegistry(daemon, { auth: true });
  await loadImages(daemon, "busybox");
  await daemon.docker("tag", "busybox", `${registry}/box:1`);
});

async function get(path: string): Promise<{ status: number; body: string }> {
  const { head, body } = daemon.request("GET", path);
  return { status: (await head).statusCode ?? 0, body: (await body).trim() };
}

test("login asks the registry, and what it accepted lets pushes and pulls in", async () => {
  const login = (password: string): ReturnType<TestDaemon["tryDocker"]> =>
    daemon.tryDocker(["login", "-u", "duet", "--password-stdin", registry], undefined, password);
  const refused = await login("wrong");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /login attempt to http:\/\/.*\/v2\/ failed with status: 401/);
  const pushed = await daemon.tryDocker(["push", "-q", `${registry}/box:1`]);
  assert.equal(pushed.code, 1, "nobody is let in without a password");
  assert.match((await login("secret")).stdout.toString(), /Login Succeeded/);
  await daemon.docker("push", "-q", `${registry}/box:1`);
  await daemon.docker("rmi", `${registry}/box:1`);
  await daemon.docker("pull", "-q", `${registry}/box:1`);
});

test("a login at what is no registry fails as the engine's failure, at what is no address as the client's", async () => {
  const login = async (address: string): Promise<string> =>
    (await daemon.tryDocker(["login", "-u", "duet", "--password-stdin", address], undefined, "x"))
      .stderr;
  assert.match(await login("127.0.0.1:1"), /cannot reach https?:\/\/127\.0\.0\.1:1/);
  assert.match(await login("bad host"), /unable to parse server address/);
});

test("the distribution endpoint tells what a registry has, and in its words what it has not", async () => {
  const absent = await get("/v1.51/distribution/127.0.0.1:1/absent/json");
  assert.equal(absent.status, 500);
  const bad = await get("/v1.51/distribution/absent:nonsense:x/json");
  assert.equal(bad.status, 400);
  assert.match(bad.body, /invalid reference format/);
  const asked = async (name: string): Promise<string> => {
    const auth = Buffer.from(
      JSON.stringify({ username: "duet", password: "secret", serveraddress: registry }),
    ).toString("base64url");
    const answer = await daemon.onHost(
      "curl",
      ...["-s", "--unix-socket", daemon.socket, "-H", `X-Registry-Auth: ${auth}`],
      `http://engine/v1.51/distribution/${registry}/${name}/json`,
    );
    return answer.stdout.toString();
  };
  const found = JSON.parse(await asked("box:1")) as DistributionInspect;
  assert.match(found.Descriptor.mediaType, /manifest/);
  assert.match(found.Descriptor.digest, /^sha256:[0-9a-f]{64}$/);
  assert.ok(found.Descriptor.size > 0);
  assert.deepEqual(
    found.Platforms.map(({ os }) => os),
    ["linux"],
  );
  assert.deepEqual(JSON.parse(await asked(`box@${found.Descriptor.digest}`)), found);
  assert.match(await asked("box:2"), /"message":"manifest unknown: manifest unknown"/);
});

test("a search is refused where its limits are wrong, and fails where the registry has none", async () => {
  for (const query of ["term=x&limit=1000", "term=http://x/y", 'term=x&filters={"stars":["x"]}']) {
    const answer = await get(`/v1.51/images/search?${encodeURI(query)}`);
    assert.equal(answer.status, 400, answer.body);
  }
  const none = await get(`/v1.51/images/search?term=${registry}/x`);
  assert.equal(none.status, 500);
  assert.match(none.body, /Unexpected status code 40[14]/);
});

test("what a registry behind a proxy has is pushed and pulled by it, and info names it without its password", async () => {
  const program = join(import.meta.dirname, "http-proxy.ts");
  await serveOnHost(daemon, [process.execPath, program, "5000", "3128"]);
  const name = "registry.invalid:5000/far:1";
  await daemon.docker("tag", "busybox", name);
  const login = ["login", "-u", "duet", "--password-stdin", "registry.invalid:5000"];
  assert.equal((await daemon.tryDocker(login, undefined, "secret")).code, 0);
  await daemon.docker("push", "-q", name);
  await daemon.docker("rmi", name);
  await daemon.docker("pull", "-q", name);
  const shown = await daemon.docker("info", "-f", "{{.HTTPProxy}} {{.HTTPSProxy}} {{.NoProxy}}");
  const masked = "http://xxxxx:xxxxx@127.0.0.1:3128";
  assert.equal(shown, `${masked} ${masked} 10.0.0.0/8\n`);
  assert.doesNotMatch(await daemon.log(), /p%40ss|p@ss/);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseReference } from "../../../src/domain/reference.ts";
import type { ProxySettings, RegistryClient } from "../../../src/domain/registry.ts";
import { createRegistryClient } from "../../../src/drivers/registry/client.ts";
import { proxyFor } from "../../../src/kit/http-proxy.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { startProxy } from "../../e2e/http-proxy.ts";
import { fakeRegistry, type FakeOptions } from "./fake-registry.ts";
import { testImage } from "./images.ts";

const signal = AbortSignal.timeout(500_000);
const image = testImage();

test("a proxy is passed by for this host and for what NO_PROXY names, as in Go", () => {
  const by = (url: string, noProxy: string): string =>
    proxyFor(new URL(url), { httpProxy: "http://plain", httpsProxy: "http://secure", noProxy });
  assert.equal(by("http://a.test/", ""), "http://plain");
  assert.equal(by("https://a.test/", ""), "http://secure");
  for (const url of ["http://localhost:5000", "https://127.1.2.3", "http://[::1]:1"])
    assert.equal(by(url, ""), "", url);
  const cases: readonly [noProxy: string, host: string, passedBy: boolean][] = [
    ["*", "a.test", true],
    ["a.test", "a.test", true],
    ["a.test", "b.a.test", true],
    ["a.test", "ba.test", false],
    [".a.test", "a.test", false],
    [".a.test", "b.a.test", true],
    ["*.a.test", "b.a.test", true],
    ["*.a.test", "a.test", false],
    ["A.Test", "a.test", true],
    [" other , a.test ", "a.test", true],
    ["a.test:443", "a.test", true],
    ["a.test:5000", "a.test", false],
    ["a.test:5000", "a.test:5000", true],
    ["10.0.0.0/8", "10.1.2.3", true],
    ["10.0.0.0/8", "11.1.2.3", false],
    ["10.1.2.3", "10.1.2.3:5000", true],
    ["10.1.2.3:443", "10.1.2.3:5000", false],
    ["fd00::/8", "[fd00::5]", true],
    ["[fd00::5]:443", "[fd00::5]", true],
    [",", "a.test", false],
    ["", "a.test", false],
  ];
  for (const [noProxy, host, passedBy] of cases)
    assert.equal(by(`https://${host}/`, noProxy) === "", passedBy, `${noProxy} for ${host}`);
});

async function reached(
  context: TestContext,
  credentials: string,
  options: FakeOptions = {},
): Promise<{ readonly client: RegistryClient; readonly asked: string[]; readonly host: string }> {
  const registry = await fakeRegistry(
    context,
    (_request, response) =>
      response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest),
    options,
  );
  const asked: string[] = [];
  const proxy = await startProxy(Number(registry.host.split(":")[1]), 0, (line) =>
    asked.push(line),
  );
  context.after(() => proxy.close());
  const url = `http://${credentials}127.0.0.1:${proxy.port}`;
  const proxies: ProxySettings = { httpProxy: url, httpsProxy: url, noProxy: "" };
  const host = "registry.invalid";
  const config = { mirrors: [], insecureRegistries: [host], proxies };
  const patience = { retry: 1, longestRetry: 5 };
  return { client: createRegistryClient({ config, log: silentLog, patience }), asked, host };
}

test("a registry that only the proxy can find is reached by it, with and without TLS", async (context) => {
  const plain = await reached(context, "user:p%40ss@");
  const found = await plain.client.resolve(parseReference(`${plain.host}/a/b:1`), null, signal);
  assert.deepEqual(found.content, image.manifest);
  assert.equal(plain.asked[0], "CONNECT registry.invalid:443", "TLS is tried first");
  assert.equal(plain.asked.at(-1), "GET http://registry.invalid/v2/a/b/manifests/1");

  const folder = mkdtempSync("/tmp/duet-proxy-");
  context.after(() => rmSync(folder, { recursive: true }));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=registry.invalid", "-days", "1"];
  const files = ["-keyout", key, "-out", cert];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...kind, ...subject, ...files], { stdio: "ignore" });
  const tls = { key: readFileSync(key, "utf8"), cert: readFileSync(cert, "utf8") };
  const secure = await reached(context, "user:p%40ss@", { tls });
  const other = await secure.client.resolve(parseReference(`${secure.host}/a/b:1`), null, signal);
  assert.deepEqual(other.content, image.manifest);
  assert.deepEqual([...new Set(secure.asked)], ["CONNECT registry.invalid:443"]);
});

test("a proxy that lets nobody in is told of, without the password", async (context) => {
  const { client, host } = await reached(context, "user:wrong@");
  await assert.rejects(
    client.resolve(parseReference(`${host}/a/b:1`), null, signal),
    (error: Error) => {
      assert.match(error.message, /407/);
      assert.doesNotMatch(error.message, /wrong/);
      return true;
    },
  );
});

import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { test } from "node:test";
import { mediaTypes } from "../../../src/domain/manifest.ts";
import { parseReference } from "../../../src/domain/reference.ts";
import type { RegistryClient } from "../../../src/domain/registry.ts";
import {
  createRegistryClient,
  type RegistryPatience,
} from "../../../src/drivers/registry/client.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { fakeRegistry } from "./fake-registry.ts";
import { collect, digestOf, testImage } from "./images.ts";

const signal = AbortSignal.timeout(500_000);

function newClient(
  mirrors: readonly string[] = [],
  patience: Partial<RegistryPatience> = {},
): RegistryClient {
  return createRegistryClient({
    config: { mirrors, insecureRegistries: [] },
    log: silentLog,
    patience: { retry: 1, longestRetry: 5, ...patience },
  });
}

const image = testImage([500_000]);
const layer = image.layers[0]!;
const bytes = image.blobs.get(layer.digest)!;

test("a token is fetched once a scope, with credentials for the token server only", async (context) => {
  const asked: string[] = [];
  const realm = await fakeRegistry(context, (request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.end(JSON.stringify({ token: "t0ken", expires_in: 300 }));
  });
  const { host, requests } = await fakeRegistry(context, (request, response) => {
    if (request.headers.authorization !== "Bearer t0ken") {
      const challenge = `Bearer realm="${realm.url}/token",service="test, \\"quoted\\"",scope="ignored"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
      return;
    }
    response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest);
  });
  const client = newClient();
  const auth = { username: "ada", password: "secret", identityToken: "" };
  for (let round = 0; round < 3; round += 1)
    await client.resolve(parseReference(`${host}/a/b`), auth, signal);
  const query =
    "service=test%2C+%22quoted%22&scope=repository%3Aa%2Fb%3Apull&account=ada&client_id=duet";
  assert.deepEqual(asked, [
    `/token?${query} Basic ${Buffer.from("ada:secret").toString("base64")}`,
  ]);
  assert.deepEqual(
    requests.map((request) => request.headers.authorization),
    [undefined, "Bearer t0ken", "Bearer t0ken", "Bearer t0ken"],
  );
});

test("an identity token is exchanged by POST and never sent to the registry", async (context) => {
  let form = "";
  const { host, url, requests } = await fakeRegistry(context, (request, response) => {
    if (request.url?.startsWith("/token") === true) {
      request.on("data", (chunk: Buffer) => (form += chunk.toString()));
      request.on("end", () => response.end(JSON.stringify({ access_token: "short" })));
    } else if (request.headers.authorization === undefined) {
      response
        .writeHead(401, { "www-authenticate": `Bearer realm="${url}/token",service=s` })
        .end();
    } else response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest);
  });
  const auth = { username: "", password: "", identityToken: "l0ng" };
  await newClient().resolve(parseReference(`${host}/a`), auth, signal);
  const expected =
    "grant_type=refresh_token&refresh_token=l0ng&client_id=duet&service=s&scope=repository%3Aa%3Apull";
  assert.equal(form, expected);
  assert.equal(requests.at(-1)?.headers.authorization, "Bearer short");
});

test("mirrors are asked in order without credentials, and what one lacks the next may have", async (context) => {
  const one = await fakeRegistry(context, (_request, response) => response.writeHead(404).end());
  const two = await fakeRegistry(context, (_request, response) =>
    response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest),
  );
  const client = newClient([one.url, `${two.url}/cache`]);
  const auth = { username: "ada", password: "secret", identityToken: "" };
  const found = await client.resolve(parseReference("hello-world"), auth, signal);
  assert.equal(found.descriptor.digest, image.digest);
  assert.equal(one.requests.length, 1);
  assert.equal(two.requests.at(-1)?.url, "/cache/v2/library/hello-world/manifests/latest");
  assert.equal(two.requests.at(-1)?.headers.authorization, undefined);
});

test("a download that breaks goes on where it broke", async (context) => {
  let turn = 0;
  const { host, requests } = await fakeRegistry(context, (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = `bytes ${from}-${bytes.length - 1}/${bytes.length}`;
    response.writeHead(from === 0 ? 200 : 206, {
      "content-length": bytes.length - from,
      ...(from === 0 ? {} : { "content-range": range }),
    });
    turn += 1;
    if (turn === 3) response.end(bytes.subarray(from));
    else response.write(bytes.subarray(from, from + 100_000), () => response.destroy());
  });
  const { body } = await newClient().blob(parseReference(`${host}/a`), layer, 0, null, signal);
  assert.equal(digestOf(await collect(body)), layer.digest);
  assert.equal(requests.length, 3);
  assert.equal(requests[0]?.headers.range, undefined);
  assert.match(requests[2]?.headers.range ?? "", /^bytes=[1-9]\d*-$/);
});

test("a server that ignores ranges starts anew, and nothing comes twice", async (context) => {
  let turn = 0;
  const { host } = await fakeRegistry(context, (_request, response) => {
    response.writeHead(200, { "content-length": bytes.length });
    turn += 1;
    if (turn === 1) response.write(bytes.subarray(0, 200_000), () => response.destroy());
    else response.end(bytes);
  });
  const client = newClient();
  const fresh = await client.blob(parseReference(`${host}/a`), layer, 0, null, signal);
  assert.equal(digestOf(await collect(fresh.body)), layer.digest);
  const resumed = await client.blob(parseReference(`${host}/a`), layer, 1_000, null, signal);
  assert.equal(resumed.offset, 0);
  assert.equal(digestOf(await collect(resumed.body)), layer.digest);
});

test("a range that cannot be satisfied starts anew", async (context) => {
  const { host } = await fakeRegistry(context, (request, response) => {
    if (request.headers.range === undefined) response.end(bytes);
    else response.writeHead(416).end();
  });
  const { offset, body } = await newClient().blob(
    parseReference(`${host}/a`),
    layer,
    99,
    null,
    signal,
  );
  assert.equal(offset, 0);
  assert.equal(digestOf(await collect(body)), layer.digest);
});

test("passing failures are tried again, and a limit on requests is told as Docker tells it", async (context) => {
  let turn = 0;
  const flaky = await fakeRegistry(context, (_request, response) => {
    turn += 1;
    if (turn < 3) response.writeHead(503).end();
    else response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest);
  });
  await newClient().resolve(parseReference(`${flaky.host}/a`), null, signal);
  const limited = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(429)
      .end(`{"errors":[{"code":"TOOMANYREQUESTS","message":"pull rate limit"}]}`),
  );
  await assert.rejects(newClient().resolve(parseReference(`${limited.host}/a`), null, signal), {
    code: "TOO_MANY_REQUESTS",
    http: 429,
    message: `toomanyrequests: pull rate limit · ${limited.host}`,
  });
  assert.equal(limited.requests.length, 4);
});

test("a pause that the registry asks for is kept, in seconds or until a date", async (context) => {
  const date = (): string => new Date(Date.now() + 2_000).toUTCString();
  for (const asked of ["1", date]) {
    const times: number[] = [];
    const { host } = await fakeRegistry(context, (_request, response) => {
      times.push(performance.now());
      const value = typeof asked === "string" ? asked : asked();
      if (times.length === 1) response.writeHead(429, { "retry-after": value }).end();
      else response.writeHead(200, { "content-type": image.mediaType }).end(image.manifest);
    });
    await newClient().resolve(parseReference(`${host}/a`), null, signal);
    assert.equal(times.length, 2);
    assert.ok(times[1]! - times[0]! >= 900, `asked again too early: ${times.join(" ")}`);
  }
});

test("a pause that is too long is not waited for; the limit is told with the registry's name", async (context) => {
  const limited = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(429, {
        "retry-after": "3600",
        "ratelimit-limit": "100;w=21600",
        "ratelimit-remaining": "0;w=21600",
      })
      .end(),
  );
  await assert.rejects(newClient().resolve(parseReference(`${limited.host}/a`), null, signal), {
    code: "TOO_MANY_REQUESTS",
    message:
      "toomanyrequests: the registry asks for fewer requests" +
      ` · ${limited.host} allows 100 requests in 6 hours (0 left) · it asks to wait 60 minutes`,
    hint: /later.*log.*mirror/,
  });
  assert.equal(limited.requests.length, 1);
});

test("a manifest of schema 1 is refused by name", async (context) => {
  const { host } = await fakeRegistry(context, (_request, response) =>
    response
      .writeHead(200, {
        "content-type": "application/vnd.docker.distribution.manifest.v1+prettyjws",
      })
      .end(`{"schemaVersion":1}`),
  );
  await assert.rejects(newClient().resolve(parseReference(`${host}/a`), null, signal), {
    code: "MANIFEST_UNSUPPORTED",
    message: /schema 1/,
  });
});

test("a slow reader is not taken for a slow registry", async (context) => {
  const { host } = await fakeRegistry(context, (_request, response) => response.end(bytes));
  const client = newClient([], { progress: 1_000, progressBytes: 1 << 20 });
  const { body } = await client.blob(parseReference(`${host}/a`), layer, 0, null, signal);
  let size = 0;
  for await (const chunk of body) {
    // Work that takes longer than the registry may.
    if (size === 0) await run("sleep", ["1.2"], { signal });
    size += chunk.length;
  }
  assert.equal(size, bytes.length);
});

test("a search asks the registry that its term names, and shows nothing that fools a terminal", async (context) => {
  const results = [
    { name: "box", description: "one\u001b[2J", star_count: 7, is_official: true },
    { name: "other/box", description: "two", star_count: 1, is_official: false },
    { name: "third" },
  ];
  const { host, requests } = await fakeRegistry(context, (_request, response) => {
    response.end(JSON.stringify({ num_results: results.length, results, query: "box" }));
  });
  const found = await newClient().search(`${host}/box`, 2, null, signal);
  assert.equal(requests[0]?.url, "/v1/search?q=box&n=2");
  assert.deepEqual(found, [
    { name: "box", description: "one [2J", stars: 7, isOfficial: true },
    { name: "other/box", description: "two", stars: 1, isOfficial: false },
  ]);
});

test("a registry of one's own has mirrors of its own, and no other's", async (context) => {
  const answer: RequestListener = (_request, response) => {
    response.setHeader("content-type", image.mediaType).end(image.manifest);
  };
  const registry = await fakeRegistry(context, answer);
  const mirror = await fakeRegistry(context, answer);
  const client = createRegistryClient({
    config: {
      mirrors: [],
      mirrorsOf: { [registry.host]: [`${mirror.url}/behind`] },
      insecureRegistries: [],
    },
    log: silentLog,
  });
  await client.resolve(parseReference(`${registry.host}/app:1`), null, signal);
  assert.deepEqual(
    mirror.requests.map(({ url }) => url),
    ["/behind/v2/", "/behind/v2/app/manifests/1"],
  );
  assert.equal(registry.requests.length, 0);
});

test("referrers come from the API page by page, or from the tag that stands for it", async (context) => {
  const subject = digestOf("image");
  const entry = (text: string): object => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(text),
    size: 7,
    artifactType: `application/vnd.example.${text}`,
  });
  const index = (...manifests: object[]): string =>
    JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const modern = await fakeRegistry(context, (request, response) => {
    response.setHeader("content-type", mediaTypes.ociIndex);
    if (request.url === `/v2/app/referrers/${subject}`) {
      response.setHeader("link", `</v2/app/referrers/${subject}?n=2>; rel="next"`);
      response.end(index(entry("one")));
    } else response.end(index(entry("two")));
  });
  const old = await fakeRegistry(context, (request, response) => {
    const isTag = request.url === `/v2/app/manifests/${subject.replace(":", "-")}`;
    response.setHeader("content-type", mediaTypes.ociIndex);
    if (isTag) response.end(index(entry("three")));
    else response.writeHead(404).end();
  });
  const none = await fakeRegistry(context, (_request, response) => {
    response.writeHead(404).end();
  });
  const found = async (host: string): Promise<readonly unknown[]> => {
    const client = createRegistryClient({
      config: { mirrors: [], insecureRegistries: [] },
      log: silentLog,
    });
    const list = await client.referrers(parseReference(`${host}/app`), subject, null, signal);
    return list.map(({ artifactType }) => artifactType?.split(".").at(-1));
  };
  assert.deepEqual(await found(modern.host), ["one", "two"]);
  assert.deepEqual(await found(old.host), ["three"]);
  assert.deepEqual(await found(none.host), []);
});

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import type { IncomingMessage, RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { parseReference } from "../../../src/domain/reference.ts";
import type { RegistryClient } from "../../../src/domain/registry.ts";
import { createRegistryClient } from "../../../src/drivers/registry/client.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { fakeRegistry } from "./fake-registry.ts";
import { digestOf, inPieces } from "./images.ts";

const signal = AbortSignal.timeout(500_000);
const content = Buffer.alloc(3_000_000, "0123456789");
const blob = { mediaType: "", digest: digestOf(content), size: content.length };

function newClient(memoryPath = "", chunk = content.length): RegistryClient {
  return createRegistryClient({
    config: { mirrors: [], insecureRegistries: [] },
    log: silentLog,
    patience: { retry: 5, chunk },
    memoryPath,
  });
}

/** A registry with one upload at a time; `takes` says how many bytes it takes of a PATCH before it breaks off. */
class UploadRegistry {
  received = Buffer.alloc(0);
  started = 0;
  deleted = 0;
  committed = false;
  readonly ranges: (string | undefined)[] = [];
  takes: number[] = [];
  /** How many PATCHes it refuses for a limit on requests. */
  limited = 0;
  /** What it answers to a question about the upload's state. */
  status: () => { readonly code: number; readonly range: string } = () => ({
    code: 204,
    range: `0-${this.received.length - 1}`,
  });

  readonly handle: RequestListener = (request, response) => {
    const place = "/v2/app/blobs/uploads/session";
    if (request.method === "POST") {
      this.started += 1;
      this.received = Buffer.alloc(0);
      response.writeHead(202, { location: place }).end();
    } else if (request.method === "GET") {
      const { code, range } = this.status();
      response.writeHead(code, { range, location: `${place}?again` }).end();
    } else if (request.method === "PATCH" && this.limited > 0) {
      this.limited -= 1;
      request.resume().once("end", () => response.writeHead(429, { "retry-after": "1" }).end());
    } else if (request.method === "PATCH") {
      void this.take(request).then(
        () => response.writeHead(202, { location: place }).end(),
        () => response.destroy(),
      );
    } else if (request.method === "DELETE") {
      this.deleted += 1;
      response.writeHead(204).end();
    } else {
      this.committed = this.received.equals(content);
      response.writeHead(this.committed ? 201 : 400).end();
    }
  };

  private async take(request: IncomingMessage): Promise<void> {
    this.ranges.push(request.headers["content-range"]);
    let left = this.takes.shift() ?? Number.MAX_SAFE_INTEGER;
    for await (const chunk of request) {
      const taken = (chunk as Buffer).subarray(0, left);
      this.received = Buffer.concat([this.received, taken]);
      left -= taken.length;
      if (left === 0) throw new Error("broken off");
    }
  }
}

async function serve(
  context: TestContext,
): Promise<{ readonly registry: UploadRegistry; readonly host: string }> {
  const registry = new UploadRegistry();
  const { host } = await fakeRegistry(context, registry.handle);
  return { registry, host };
}

async function push(client: RegistryClient, host: string): Promise<void> {
  const body = async (offset: number): Promise<AsyncIterable<Buffer>> =>
    inPieces(content.subarray(offset));
  await client.pushBlob(parseReference(`${host}/app`), blob, body, null, signal);
}

test("an upload that breaks goes on where the registry says that it stands", async (context) => {
  const { registry, host } = await serve(context);
  registry.takes = [1_200_000, 1_100_000];
  await push(newClient(), host);
  assert.ok(registry.committed);
  assert.equal(registry.started, 1);
  assert.deepEqual(registry.ranges, [undefined, "1200000-2999999", "2300000-2999999"]);
});

test("a large blob is sent in chunks, and only the one that broke is sent again", async (context) => {
  const { registry, host } = await serve(context);
  const none = Number.MAX_SAFE_INTEGER;
  registry.takes = [none, 300_000, none];
  // It keeps no half of a chunk.
  registry.status = () => {
    registry.received = registry.received.subarray(0, 1_000_000);
    return { code: 204, range: "0-999999" };
  };
  await push(newClient("", 1_000_000), host);
  assert.ok(registry.committed);
  assert.equal(registry.started, 1);
  const last = ["1000000-1999999", "2000000-2999999"];
  assert.deepEqual(registry.ranges, ["0-999999", "1000000-1999999", ...last]);
});

test("a registry that takes no second chunk gets the blob in one piece", async (context) => {
  const registry = new UploadRegistry();
  for (const status of [400, 404, 416, 501, 503]) {
    const { host } = await fakeRegistry(context, (request, response) => {
      const from = Number(/^\d+/.exec(request.headers["content-range"] ?? "")?.[0] ?? 0);
      if (from === 0) return registry.handle(request, response);
      request.resume().on("end", () => response.writeHead(status).end());
    });
    registry.committed = false;
    registry.ranges.length = 0;
    await push(newClient("", 1_000_000), host);
    assert.ok(registry.committed, String(status));
    assert.equal(registry.ranges.at(-1), undefined, String(status));
    assert.equal(registry.ranges[0], "0-999999", String(status));
  }
});

test("an upload that a limit on requests stops waits as it is asked and goes on", async (context) => {
  const { registry, host } = await serve(context);
  registry.limited = 1;
  await push(newClient(), host);
  assert.ok(registry.committed);
  registry.limited = 100;
  await assert.rejects(push(newClient(), host), { code: "TOO_MANY_REQUESTS" });
  assert.equal(registry.limited, 96, "it is tried four times, no more");
});

test("an upload starts anew where the registry dropped it or says what cannot be", async (context) => {
  for (const status of [
    { code: 404, range: "" },
    { code: 204, range: "0-2999999999" },
    { code: 204, range: "5-7" },
    { code: 204, range: "0-0" },
    { code: 500, range: "0-77" },
  ]) {
    const { registry, host } = await serve(context);
    registry.takes = [1_200_000];
    registry.status = () => status;
    await push(newClient(), host);
    assert.ok(registry.committed, JSON.stringify(status));
    assert.equal(registry.started, 2, JSON.stringify(status));
  }
});

test("an upload whose beginning turns out wrong is deleted and starts anew", async (context) => {
  const { registry, host } = await serve(context);
  registry.takes = [1_200_000];
  registry.status = () => {
    registry.received = Buffer.alloc(700_000, "x");
    return { code: 204, range: "0-699999" };
  };
  await push(newClient(), host);
  assert.ok(registry.committed);
  assert.ok(registry.deleted >= 1);
});

test("a client takes up the upload that another one of the same memory left", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-memory-"));
  context.after(() => rm(folder, { recursive: true }));
  const path = join(folder, "registry.json");
  const { registry, host } = await serve(context);
  registry.takes = [1_200_000, 1, 1, 1, 1];
  registry.status = () => ({ code: 503, range: "" });
  await assert.rejects(push(newClient(path), host), { class: "unavailable" });
  registry.status = () => ({ code: 204, range: "0-1199999" });
  registry.takes = [];
  registry.received = content.subarray(0, 1_200_000);
  await push(newClient(path), host);
  assert.ok(registry.committed);
  assert.equal(registry.ranges.at(-1), "1200000-2999999");
});

test("an upload that never gets further than before is given up", async (context) => {
  const { registry, host } = await serve(context);
  registry.takes = Array.from({ length: 100 }, () => 2_000_000);
  registry.status = () => ({ code: 404, range: "" });
  await assert.rejects(push(newClient(), host), { class: "unavailable" });
  assert.ok(registry.started <= 8, `${registry.started} times`);
});

test("B42: an upload that is refused is deleted at the registry", async (context) => {
  const registry = new UploadRegistry();
  const { host } = await fakeRegistry(context, (request, response) => {
    if (request.method !== "PATCH") return registry.handle(request, response);
    request.resume().on("end", () => response.writeHead(403).end());
  });
  await assert.rejects(push(newClient(), host), { class: "denied" });
  assert.equal(registry.deleted, 1);
});

import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Digest } from "../../../src/domain/digest.ts";
import { openContentStore } from "../../../src/drivers/content/content.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { collect, sha256, temporaryFolder } from "./folder.ts";

const content = Buffer.alloc(3_000_000, "duet");
const digest = sha256(content);

test("a blob appended in pieces comes back whole, from any offset", async (context) => {
  const store = await openContentStore(temporaryFolder(context), silentLog);
  const ingest = await store.ingest("layer");
  for (let at = 0; at < content.length; at += 70_000)
    await ingest.append(content.subarray(at, at + 70_000));
  assert.deepEqual(await ingest.commit({ digest, size: content.length }), {
    digest,
    size: content.length,
  });
  await ingest[Symbol.asyncDispose]();
  assert.equal(await store.size(digest), content.length);
  assert.ok((await collect(await store.stream(digest))).equals(content));
  assert.ok(
    (await collect(await store.stream(digest, 2_999_990))).equals(content.subarray(2_999_990)),
  );
  assert.deepEqual(await collect(await store.stream(digest, content.length)), Buffer.alloc(0));
});

test("an interrupted ingest resumes at what it has, in another process's store too", async (context) => {
  const folder = temporaryFolder(context);
  {
    const store = await openContentStore(folder, silentLog);
    await using ingest = await store.ingest("layer");
    await ingest.append(content.subarray(0, 1_234_567));
  }
  const store = await openContentStore(folder, silentLog);
  await using ingest = await store.ingest("layer");
  assert.equal(ingest.offset, 1_234_567);
  await ingest.append(content.subarray(ingest.offset));
  await ingest.commit({ digest, size: content.length });
  assert.equal(await store.size(digest), content.length);
});

test("who follows an ingest reads all of it, and its end only when it is verified", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  {
    await using first = await store.ingest("layer");
    await first.append(content.subarray(0, 500_000));
  }
  await using ingest = await store.ingest("layer");
  const early = collect(ingest.follow());
  const late = ingest.follow()[Symbol.asyncIterator]();
  const begun = await late.next();
  assert.equal(begun.value?.length, 500_000, "what an earlier attempt left comes first");
  await ingest.append(content.subarray(500_000));
  await ingest.commit({ digest, size: content.length });
  assert.ok((await early).equals(content));
  const rest: Buffer[] = [];
  for (let next = await late.next(); next.done !== true; next = await late.next())
    rest.push(next.value);
  assert.ok(Buffer.concat(rest).equals(content.subarray(500_000)));
});

test("who follows an ingest that starts anew, fails or is left is told, and reads no byte twice", async (context) => {
  const store = await openContentStore(temporaryFolder(context), silentLog);
  {
    await using ingest = await store.ingest("again");
    await ingest.append(content.subarray(0, 2_000_000));
    const reading = collect(ingest.follow());
    await ingest.truncate();
    await ingest.append(content);
    await ingest.commit();
    assert.ok((await reading).equals(content));
  }
  await store.delete(digest);
  {
    await using ingest = await store.ingest("wrong");
    const reading = collect(ingest.follow());
    await ingest.append(content.subarray(1));
    const refused = { code: "DIGEST_MISMATCH" };
    const size = content.length - 1;
    await assert.rejects(ingest.commit({ digest, size }), refused);
    await assert.rejects(reading, refused);
  }
  let reading: Promise<Buffer> | undefined;
  {
    await using ingest = await store.ingest("left");
    await ingest.append(content.subarray(0, 10));
    reading = collect(ingest.follow());
    reading.catch(() => undefined);
  }
  await assert.rejects(reading, { code: "INGEST_CLOSED" });
});

test("an ingest has one writer, and is free again after it", async (context) => {
  const store = await openContentStore(temporaryFolder(context), silentLog);
  const first = await store.ingest("layer");
  await assert.rejects(store.ingest("layer"), { code: "INGEST_BUSY", class: "conflict" });
  await first[Symbol.asyncDispose]();
  await using second = await store.ingest("layer");
  await second.append(Buffer.from("x"));
  await second.truncate();
  assert.equal(second.offset, 0);
  await second.append(content);
  await second.commit({ digest, size: content.length });
});

test("bytes with another digest or size are refused, and nothing of them stays", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  for (const [expected, code] of [
    [{ digest: sha256("other"), size: content.length }, "DIGEST_MISMATCH"],
    [{ digest, size: content.length + 1 }, "SIZE_MISMATCH"],
  ] as const) {
    await using ingest = await store.ingest("layer");
    await ingest.append(content);
    await assert.rejects(ingest.commit(expected), { code, class: "corrupt" });
    // Who forgets what failed is not told of another failure than that.
    await ingest.truncate();
    await assert.rejects(store.write(content, expected), { code });
  }
  assert.deepEqual(readdirSync(join(folder, "ingests")), []);
  assert.deepEqual(readdirSync(join(folder, "blobs", "sha256")), []);
});

test("an ingest that the disk failed takes no more, says why, and begins anew when it is emptied", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  await using ingest = await store.ingest("layer");
  await ingest.append(content.subarray(0, 1 << 20));
  await using other = await open(join(folder, "other"), "w");
  const handles = Object.getPrototypeOf(other) as FileHandle;
  const fails = context.mock.method(handles, "writev", async () => {
    throw Object.assign(new Error("i/o error"), { code: "EIO" });
  });
  await assert.rejects(ingest.append(content.subarray(1 << 20)), { code: "DISK_FAILED" });
  fails.mock.restore();
  await assert.rejects(ingest.append(content.subarray(2 << 20)), { code: "DISK_FAILED" });
  await ingest.truncate();
  await ingest.append(content);
  await ingest.commit({ digest, size: content.length });
  await using next = await store.ingest("layer");
  await next.append(content);
  const failing = context.mock.method(handles, "writev", async () => {
    throw Object.assign(new Error("i/o error"), { code: "EIO" });
  });
  await assert.rejects(next.append(content), { code: "DISK_FAILED" });
  failing.mock.restore();
  await assert.rejects(next.commit(), { code: "DISK_FAILED" });
  assert.deepEqual(readdirSync(join(folder, "ingests")), []);
});

test("small content is written in one go and written once", async (context) => {
  const store = await openContentStore(temporaryFolder(context), silentLog);
  assert.equal(await store.write(Buffer.from("{}")), sha256("{}"));
  const before = statSync(store.path(sha256("{}"))).ino;
  await store.write(Buffer.from("{}"));
  assert.equal(statSync(store.path(sha256("{}"))).ino, before);
  assert.equal((await store.read(sha256("{}"), 10)).toString(), "{}");
});

test("reading is bounded, finds damage, and says what is absent", async (context) => {
  const store = await openContentStore(temporaryFolder(context), silentLog);
  await store.write(content);
  await assert.rejects(store.read(digest, 1_000), { code: "BLOB_TOO_LARGE", class: "too-large" });
  writeFileSync(store.path(digest), "damaged");
  await assert.rejects(store.read(digest, 1_000), { code: "BLOB_CORRUPT" });
  await store.delete(digest);
  await store.delete(digest);
  assert.equal(await store.size(digest), undefined);
  await assert.rejects(store.read(digest, 1_000), { code: "BLOB_NOT_FOUND" });
  await assert.rejects(store.stream(digest), { code: "BLOB_NOT_FOUND" });
});

test("list gives blobs only, and a store opens over an unfinished write", async (context) => {
  const folder = temporaryFolder(context);
  await openContentStore(folder, silentLog);
  const blobs = join(folder, "blobs", "sha256");
  writeFileSync(join(blobs, ".tmp-0011223344556677"), "half");
  writeFileSync(join(blobs, "README"), "not ours");
  const store = await openContentStore(folder, silentLog);
  await store.write(content);
  const found: Digest[] = [];
  for await (const blob of store.list()) found.push(blob.digest);
  assert.deepEqual(found, [digest]);
  assert.equal(existsSync(join(blobs, ".tmp-0011223344556677")), false);
});

test("only ingests that nobody touched are dropped", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  for (const key of ["old", "new"]) {
    const ingest = await store.ingest(key);
    await ingest.append(Buffer.from(key));
    await ingest[Symbol.asyncDispose]();
    if (key === "old") {
      const [name] = readdirSync(join(folder, "ingests"));
      utimesSync(join(folder, "ingests", name!), 1_000, 1_000);
    }
  }
  await using busy = await store.ingest("busy");
  assert.equal(await store.dropStaleIngests(60_000), "old".length);
  assert.equal(busy.offset, 0);
  {
    await using kept = await store.ingest("new");
    assert.equal(kept.offset, 3);
  }
  assert.equal(await store.dropStaleIngests(-Infinity), "new".length);
  assert.equal(readdirSync(join(folder, "ingests")).length, 1);
});

test("ingests that two prunes drop at once are gone, and each can be begun again meanwhile", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  const keys = Array.from({ length: 20 }, (_, index) => `layer-${index}`);
  for (const key of keys) {
    await using ingest = await store.ingest(key);
    await ingest.append(Buffer.from("half"));
  }
  const dropping = [store.dropStaleIngests(-Infinity), store.dropStaleIngests(-Infinity)];
  const begun = await Promise.all(keys.map((key) => store.ingest(key)));
  await Promise.all(dropping);
  const offsets = begun.map(({ offset }) => offset);
  for (const ingest of begun) {
    await ingest.append(Buffer.from(ingest.offset === 0 ? "half whole" : " whole"));
    await ingest.commit();
  }
  assert.ok(offsets.every((offset) => offset === 0 || offset === 4));
  assert.deepEqual(readdirSync(join(folder, "ingests")), []);
});

test("folders and blobs are for root alone", async (context) => {
  const folder = temporaryFolder(context);
  const store = await openContentStore(folder, silentLog);
  await store.write(content);
  for (const path of ["", "blobs", "blobs/sha256", "ingests"]) {
    assert.equal(statSync(join(folder, path)).mode & 0o777, 0o700);
  }
  assert.equal(statSync(store.path(digest)).mode & 0o777, 0o400);
});

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Mount } from "../../../src/domain/mount.ts";
import { KnownUsers } from "../../../src/drivers/runtime-oci/known-users.ts";
import { canceled, never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import { temporaryFolder } from "../content/folder.ts";

const found = { uid: 7, gid: 8, groups: [], home: "/home" };

function overlay(upper: string, lower: string): readonly Mount[] {
  const options = [`lowerdir=${lower}`, `upperdir=${upper}`, "workdir=/w"];
  return [{ type: "overlay", source: "overlay", target: "", options }];
}

test("a user is looked up once in layers to which nothing was written, however many ask", async (context) => {
  const folder = temporaryFolder(context);
  const users = new KnownUsers();
  let looks = 0;
  const look = async () => {
    looks += 1;
    return found;
  };
  const asked = ["a", "b", "c"].map((name) => {
    const upper = join(folder, name);
    mkdirSync(upper);
    return users.of(overlay(upper, "/l/1"), ["app"], never, look);
  });
  assert.deepEqual(await Promise.all(asked), [found, found, found]);
  assert.equal(looks, 1);
  await users.of(overlay(join(folder, "a"), "/l/1"), ["other"], never, look);
  await users.of(overlay(join(folder, "a"), "/l/2:/l/1"), ["app"], never, look);
  assert.equal(looks, 3);
});

test("what was written to is looked at each time, and so is a root of another kind", async (context) => {
  const folder = temporaryFolder(context);
  writeFileSync(join(folder, "passwd"), "");
  const users = new KnownUsers();
  let looks = 0;
  const look = async () => {
    looks += 1;
    return found;
  };
  const bind: Mount = { type: "bind", source: folder, target: "", options: ["bind"] };
  for (const mounts of [overlay(folder, "/l/1"), [bind], []]) {
    await users.of(mounts, [""], never, look);
    await users.of(mounts, [""], never, look);
  }
  assert.equal(looks, 6);
});

test("a failure is told to who asked, and the next looks again", async (context) => {
  const mounts = overlay(temporaryFolder(context), "/l/1");
  const users = new KnownUsers();
  const begun = Promise.withResolvers<void>();
  const failing = Promise.withResolvers<typeof found>();
  const one = users.of(mounts, [""], never, () => {
    begun.resolve();
    return failing.promise;
  });
  await begun.promise;
  const rejected = assert.rejects(one, /gone/);
  const other = users.of(mounts, [""], never, async () => found);
  failing.reject(new Error("gone"));
  await rejected;
  assert.deepEqual(await other, found);
});

test("who waits for another's look leaves when told to", async (context) => {
  const mounts = overlay(temporaryFolder(context), "/l/1");
  const users = new KnownUsers();
  const begun = Promise.withResolvers<void>();
  const slow = Promise.withResolvers<typeof found>();
  const one = users.of(mounts, [""], never, () => {
    begun.resolve();
    return slow.promise;
  });
  await begun.promise;
  const controller = new AbortController();
  const other = users.of(mounts, [""], controller.signal, async () => found);
  controller.abort(canceled("enough"));
  await assert.rejects(other, (error) => isDuetError(error, "canceled"));
  slow.resolve(found);
  assert.deepEqual(await one, found);
});

test("what is found in a root that is written to meanwhile is not told of others", async (context) => {
  const [first, second] = [temporaryFolder(context), temporaryFolder(context)];
  const users = new KnownUsers();
  const own = { ...found, uid: 0 };
  const one = await users.of(overlay(first, "/l/1"), ["app"], never, async () => {
    writeFileSync(join(first, "passwd"), "app:x:0:0");
    return own;
  });
  assert.equal(one, own);
  assert.equal(await users.of(overlay(second, "/l/1"), ["app"], never, async () => found), found);
});

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { builtNative, temporaryFolder } from "./binary.ts";
import { seeds } from "./seeds.ts";
import { makePlace } from "../../attacks/layers/outside.ts";

const kept = join(import.meta.dirname, "../../../native/rootfs/fuzz/seeds");
const rounds = "400";

test("the kept seeds are what the protocol says today", () => {
  for (const [name, bytes] of Object.entries(seeds)) {
    assert.deepEqual(readFileSync(join(kept, name)), bytes, name);
  }
});

test("the operation decoder survives mutated sessions under the sanitizers, and nothing outside changes", (context) => {
  const fuzz = builtNative("asan/rootfs-fuzz");
  const place = makePlace(context);
  const files = readdirSync(kept).map((name) => join(kept, name));
  execFileSync(fuzz, [place.inside, rounds, ...files], {
    cwd: place.folder,
    stdio: "pipe",
    timeout: 300_000,
  });
  place.check();
});

test("the helper itself leaves what is no protocol, without a crash", (context) => {
  const helper = builtNative("asan/duet-rootfs");
  const folder = temporaryFolder(context);
  mkdirSync(join(folder, "x"));
  for (const input of [
    "",
    "x",
    "garbage that is longer than a header",
    "\0".repeat(12),
    "\xff".repeat(4_000),
  ]) {
    assert.throws(
      () =>
        execFileSync(helper, {
          input: Buffer.from(input, "latin1"),
          stdio: "pipe",
          timeout: 120_000,
        }),
      (error: { status?: number; stderr?: Buffer }) => {
        assert.ok(error.status === 1 || error.status === 2, String(error.status));
        assert.doesNotMatch(String(error.stderr), /Sanitizer|runtime error/);
        return true;
      },
    );
  }
});

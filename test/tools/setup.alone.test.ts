import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isDuetError } from "../../src/kit/errors.ts";
import { hostSource, refreshLists } from "../../images/debian/apt.ts";
import { exists } from "../../tools/setup/evidence.ts";
import { bringGuestKernel, kernelsIn } from "../../tools/setup/kernel.ts";
import { missingNeeds, needs } from "../../tools/setup/needs.ts";

test("a bare host misses everything, more for building and most for testing", () => {
  const counts = (["run", "build", "test"] as const).map(
    (purpose) => missingNeeds(purpose, () => false).length,
  );
  assert.deepEqual(
    counts.toSorted((a, b) => a - b),
    counts,
  );
  assert.equal(counts[2], needs.length);
  assert.deepEqual(
    missingNeeds("test", () => true),
    [],
  );
});

test("one of several programs is enough: crun stands for runc", () => {
  const missing = missingNeeds("run", (evidence) => evidence === "crun");
  assert.ok(!missing.some((need) => need.packages.includes("runc")));
});

test("programs are looked for in the folders from which Duet starts them, and nowhere else", () => {
  assert.ok(exists("sh"));
  assert.ok(exists("/bin/sh"));
  assert.ok(!exists("no-such-program-of-duet"));
});

test("a package that no source has is named, after the lists were refreshed", async () => {
  await assert.rejects(
    refreshLists(["no-such-package-of-duet"], hostSource, AbortSignal.timeout(400_000)),
    (error) => isDuetError(error, "not-found") && /no-such-package-of-duet/.test(error.message),
  );
});

test("the guest kernel comes with its modules, and nothing is installed on the host", async () => {
  const folder = await mkdtemp(join(tmpdir(), "duet-kernel-"));
  try {
    const kernel = await bringGuestKernel(AbortSignal.timeout(550_000), folder);
    const [release = ""] = await kernelsIn(folder);
    assert.equal(kernel, join(folder, "boot", `vmlinuz-${release}`));
    assert.ok(existsSync(join(folder, "lib/modules", release, "modules.dep")));
    assert.deepEqual((await readdir(folder)).toSorted(), ["boot", "lib"]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

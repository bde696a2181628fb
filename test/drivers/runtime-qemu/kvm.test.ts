import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { probeKvm, rememberedKvm } from "../../../src/drivers/runtime-qemu/kvm.ts";
import { never } from "../../../src/kit/abort.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";

/** A host with a device and a QEMU that is a script. Each start of it is a line in `starts`. */
async function host(context: TestContext, script: string) {
  const directory = temporaryFolder(context);
  const path = join(directory, "qemu");
  const starts = join(directory, "starts");
  await writeFile(path, `#!/bin/sh\necho >> ${starts}\n${script}\n`, { mode: 0o755 });
  const kernel = { release: "6.1", image: "/vmlinuz", modules: "/", stamp: "" };
  const qemu = { path, version: "7.2", stamp: "" };
  const request = { qemu, kernel, directory, device: "/dev/null" };
  return { request, starts: async () => (await readFile(starts, "utf8")).length };
}

test("a guest that says nothing has three seconds of a processor, after all others, and is looked at once", async (context) => {
  const script = '[ "$(nice) $(ulimit -St) $(ulimit -Ht)" = "19 3 3" ] || exit 1; kill -KILL $$';
  const { request, starts } = await host(context, script);
  const verdict = await probeKvm(request, never);
  assert.equal(verdict.usable, false);
  assert.match(verdict.reason, /made no progress under KVM: it computed, and got nowhere/);
  assert.deepEqual(await rememberedKvm(request), verdict);
  await probeKvm(request, never);
  assert.equal(await starts(), 1);
});

test("a guest that makes progress gets longer, and one that ends is proof", async (context) => {
  const script =
    'echo "Linux version 6.1"; [ -e "$0.again" ] || { touch "$0.again"; kill -KILL $$; }';
  const { request, starts } = await host(context, script);
  assert.equal((await probeKvm(request, never)).usable, true);
  assert.equal(await starts(), 2);
  assert.equal((await rememberedKvm(request))?.usable, true);
});

test("why QEMU takes no KVM is told, and asked again the next time", async (context) => {
  const script = `[ -e "$0.again" ] && exit 0
touch "$0.again"; echo 'ioctl(KVM_CREATE_VM) failed: 16' >&2; exit 1`;
  const { request } = await host(context, script);
  assert.match((await probeKvm(request, never)).reason, /KVM_CREATE_VM\) failed: 16/);
  assert.equal(await rememberedKvm(request), undefined);
  assert.equal((await probeKvm(request, never)).usable, true);
});

import assert from "node:assert/strict";
import { watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { TestDaemon } from "../e2e/daemon.ts";
import { loadImages } from "../e2e/images.ts";
import { ownerOfTests } from "../e2e/owner.ts";

const owner = ownerOfTests();
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start(owner);
  await loadImages(daemon, "busybox");
});

for (const isolation of ["container", "vm"]) {
  test(`of a ${isolation}: rotated logs are compressed, and nothing of them is lost or told twice`, async () => {
    const options = ["max-size=100k", "max-file=9", "compress=true"];
    const flags = options.flatMap((option) => ["--log-opt", option]);
    const line = "i=0; while [ $i -lt 8000 ]; do echo line $i; i=$((i+1)); done";
    const name = ["--name", "writer", `--isolation=${isolation}`];
    const id = (
      await daemon.docker("create", ...name, ...flags, "busybox", "sh", "-c", line)
    ).trim();
    await daemon.docker("start", "writer");
    const followed = daemon.docker("logs", "-f", "writer");
    await daemon.docker("wait", "writer");
    const all = Array.from({ length: 8_000 }, (_, number) => `line ${number}\n`).join("");
    assert.equal(await followed, all);
    assert.equal(await daemon.docker("logs", "writer"), all);
    const folder = join(daemon.folder, "data/containers", id);
    const rotated = (await readdir(folder)).filter((file) => /^log\.json\.\d+$/.test(file));
    assert.ok(rotated.length >= 4, rotated.join(" "));
    const oldest = join(folder, `log.json.${rotated.length}`);
    assert.match(gunzipSync(await compressed(oldest)).toString(), /^\{"log":"line 0\\n"/);
    assert.equal(
      await daemon.docker("logs", "--tail", "7990", "writer"),
      all.split("\n").slice(10).join("\n"),
    );
    await daemon.docker("rm", "writer");
  });
}

/** Content of a rotated file once it is compressed, which goes on after its container's end. */
async function compressed(path: string): Promise<Buffer> {
  const late = AbortSignal.timeout(60_000);
  let wake = (): void => undefined;
  const watcher = watch(dirname(path), () => wake());
  late.addEventListener("abort", () => wake());
  try {
    for (;;) {
      const changed = new Promise<void>((resolve) => (wake = resolve));
      const bytes = await readFile(path);
      if (bytes.readUInt16BE(0) === 0x1f8b || late.aborted) return bytes;
      await changed;
    }
  } finally {
    watcher.close();
  }
}

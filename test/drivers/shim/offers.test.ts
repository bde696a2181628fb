import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../../src/kit/subprocess.ts";

test("a machine's DHCP is answered again after its card was down", async () => {
  const program = join(import.meta.dirname, "offers.ts");
  const words = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
  const { stdout } = await run("unshare", [...words, process.execPath, program], {
    signal: AbortSignal.timeout(60_000),
  });
  assert.equal(stdout.toString(), "10.0.0.2\n".repeat(3));
});

import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const native = resolve(import.meta.dirname, "../../native");

for (const [what, name] of [
  ["no answer of a DHCP server makes its reader leave its memory", "fuzz-lease"],
  ["no answer of a DHCP server of IPv6 makes its reader leave its memory", "fuzz-lease6"],
  ["no question of a machine makes what answers its DHCP leave its memory", "fuzz-offer"],
  [
    "questions of a machine for IPv6 are answered, and none makes what answers leave its memory",
    "fuzz-offer6",
  ],
] as const) {
  test(what, { timeout: 500_000 }, async () => {
    const fuzzer = resolve(native, "../build/native/asan", name);
    await run("make", ["-s", "-C", native, fuzzer]);
    await run(fuzzer, ["200000"]);
  });
}

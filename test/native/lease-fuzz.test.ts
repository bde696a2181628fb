import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const native = resolve(import.meta.dirname, "../../native");
const fuzzer = resolve(native, "../build/native/asan/fuzz-lease");

test(
  "no answer of a DHCP server makes its reader leave its memory",
  { timeout: 500_000 },
  async () => {
    await run("make", ["-s", "-C", native, fuzzer]);
    await run(fuzzer, ["200000"]);
  },
);

import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const native = resolve(import.meta.dirname, "../../native");
const fuzzer = resolve(native, "../build/native/asan/fuzz-frames");

test(
  "no bytes make the frame and field decoders leave their memory",
  { timeout: 500_000 },
  async () => {
    await run("make", ["-s", "-C", native, fuzzer]);
    const seeds = join(native, "shared/fuzz/seeds");
    const files = (await readdir(seeds)).map((name) => join(seeds, name));
    await run(fuzzer, ["--mutate", "20000", ...files]);
  },
);

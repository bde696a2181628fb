import assert from "node:assert/strict";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../src/kit/abort.ts";
import { confinedUser, runConfined } from "../../src/kit/confined.ts";

const options = { files: [], largestFile: 1_000_000, signal: never };

test("a confined program has no privileges, no network, and limits (G90)", async () => {
  const files = ["/proc/self/status", "/proc/self/limits", "/proc/self/net/dev"];
  const { stdout } = await runConfined(["cat", ...files], options);
  const text = stdout.toString();
  const uid = `${confinedUser}`;
  assert.ok(text.includes(["Uid:", uid, uid, uid, uid].join("\t")));
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
    assert.match(text, new RegExp(`^${set}:\\s+0+$`, "m"));
  assert.match(text, /^NoNewPrivs:\s+1$/m);
  assert.match(text, /^Groups:\s*$/m);
  assert.match(text, /^Max file size\s+1000000\s+1000000/m);
  assert.match(text, /^Max address space\s+4294967296\s+4294967296/m);
  const cards = [...text.matchAll(/^\s*(\w+):\s+\d+(?:\s+\d+){15}$/gm)].map(([, name]) => name);
  assert.deepEqual(
    cards.filter((name) => name !== "lo" && !/^(tunl|sit|ip6tnl|gre|erspan)/.test(name ?? "")),
    [],
  );
});

test("a confined program opens what it was given, and no other file of ours", async (context) => {
  const folder = await mkdtemp(join(tmpdir(), "duet-confined-"));
  context.after(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "secret");
  await writeFile(path, "secret", { mode: 0o600 });
  await assert.rejects(runConfined(["cat", path], options), /Permission denied/);
  await using file = await open(path, "r");
  await assert.rejects(
    runConfined(["cat", "/dev/fd/3"], { ...options, files: [file.fd] }),
    /Permission denied/,
  );
  await file.chown(confinedUser, confinedUser);
  const { stdout } = await runConfined(["cat", "/dev/fd/3"], { ...options, files: [file.fd] });
  assert.equal(stdout.toString(), "secret");
});

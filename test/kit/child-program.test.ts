import assert from "node:assert/strict";
import { closeSync, openSync, readdirSync, readlinkSync } from "node:fs";
import { test } from "node:test";
import { childPipe, childSocket, startChild } from "../../src/kit/child-program.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { systemCall } from "../../src/kit/syscalls.ts";
import { enterTree, folderTarget } from "../../src/kit/tree/enter.ts";

const shell = "/bin/sh";

async function spoken(script: string): Promise<{ said: string; code: number; complaint: string }> {
  const [output, complaints] = [childSocket(), childPipe()];
  const child = await startChild(shell, ["sh", "-c", script], {
    files: [null, output.descriptor, complaints.descriptor],
  });
  closeSync(output.descriptor);
  closeSync(complaints.descriptor);
  let said = "";
  for await (const chunk of output.stream) said += String(chunk);
  const code = await child.exited;
  return { said, code, complaint: complaints.take(1_000) };
}

test("a child has what it was given, and none of this process's files", async () => {
  const own = openSync("/dev/null", "r");
  const { said } = await spoken("ls /proc/self/fd; echo; env");
  closeSync(own);
  const [files = "", variables = ""] = said.split("\n\n");
  assert.deepEqual(
    files.split("\n").filter((fd) => fd === String(own) || Number(fd) < 3),
    ["0", "1", "2"],
  );
  assert.match(variables, /^PATH=\/usr/m);
  assert.doesNotMatch(variables, /^NODE/m);
});

test("a child's signals are as usual, whatever is ignored here", async () => {
  const ignored = (): void => undefined;
  process.on("SIGTERM", ignored);
  try {
    const { said } = await spoken(
      "grep -E 'Sig(Ign|Blk)' /proc/self/status | cut -f2 | tr '\\n' ' '",
    );
    assert.equal(said, "0000000000000000 0000000000000000 ");
  } finally {
    process.off("SIGTERM", ignored);
  }
});

test("exit codes and complaints are told, a signal as -1", async () => {
  assert.deepEqual(await spoken("echo why >&2; exit 7"), { said: "", code: 7, complaint: "why\n" });
  assert.deepEqual(await spoken("kill -9 $$"), { said: "", code: -1, complaint: "" });
});

test("the end of a long complaint is kept, and nobody waits to print it", async () => {
  const { complaint, code } = await spoken(
    "dd if=/dev/zero bs=1000 count=60 2>/dev/null | tr '\\0' x >&2; echo end >&2; exit 1",
  );
  assert.equal(code, 1);
  assert.ok(complaint.endsWith("xxxend\n"));
  assert.equal(complaint.length, 1_000);
});

test("a hundred children at once are each waited for, and leave no descriptor and no zombie", async () => {
  const before = openSockets();
  const running = Array.from({ length: 100 }, (_, index) => spoken(`exit ${index}`));
  const ended = await Promise.all(running);
  assert.deepEqual(
    ended.map(({ code }) => code),
    Array.from({ length: 100 }, (_, index) => index),
  );
  assert.equal(openSockets(), before);
});

test("a child is killed, and once it has ended no more", async () => {
  const child = await startChild("/bin/sleep", ["sleep", "1000"], { files: [null, null, null] });
  child.kill();
  assert.equal(await child.exited, -1);
  child.kill();
});

test("a child in a session of its own leads it", async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const output = childSocket();
  output.stream.once("data", (data: Buffer) => resolve(data.toString()));
  const child = await startChild(shell, ["sh", "-c", "cut -d' ' -f1,6 /proc/$$/stat"], {
    files: [null, output.descriptor, null],
    session: true,
  });
  closeSync(output.descriptor);
  assert.equal(await promise, `${child.pid} ${child.pid}\n`);
  await child.exited;
  output.stream.destroy();
});

test("what cannot be started is said", async () => {
  await assert.rejects(
    startChild("/nonexistent/program", ["program"], { files: [null, null, null] }),
    (error) => isDuetError(error, "unavailable") && /ENOENT/.test(String(error)),
  );
});

test("a child that somebody else has waited for did not end well", async () => {
  const child = await startChild("/bin/sleep", ["sleep", "1000"], { files: [null, null, null] });
  child.kill();
  assert.equal(systemCall("int waitpid(int, void *, int)", child.pid, null, 0), child.pid);
  assert.equal(await child.exited, -1);
});

test("where descriptors run out, a tree's helper gives back those that it had", async () => {
  const before = openSockets();
  const taken = new Set(readdirSync("/proc/self/fd").map(Number));
  const failures: string[] = [];
  for (let room = 0; room < 4; room += 1) {
    const target = folderTarget("/");
    const free = Array.from({ length: 1_024 }, (_, fd) => fd).filter((fd) => !taken.has(fd));
    const entering = withDescriptors(free[room]!, () =>
      enterTree("/bin/false", target, { readonly: true }, new AbortController().signal),
    );
    failures.push(await entering.then(String, String));
  }
  for (let turn = 0; turn < 100 && openSockets() > before; turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  assert.equal(openSockets(), before);
  for (const failure of failures) assert.match(failure, /EMFILE/);
});

/** Numbers of descriptors below `limit` can be had while `act` runs, up to its first wait. */
function withDescriptors<T>(limit: number, act: () => T): T {
  const kind = 7;
  const before = Buffer.alloc(16);
  systemCall("int getrlimit(int, void *)", kind, before);
  const lower = Buffer.from(before);
  lower.writeBigUInt64LE(BigInt(limit), 0);
  systemCall("int setrlimit(int, const void *)", kind, lower);
  try {
    return act();
  } finally {
    systemCall("int setrlimit(int, const void *)", kind, before);
  }
}

function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return /^(socket|pipe):/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      return false;
    }
  }).length;
}

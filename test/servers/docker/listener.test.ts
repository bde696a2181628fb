import assert from "node:assert/strict";
import { lstat, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { listenUnix } from "../../../src/servers/docker/listener.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp("/tmp/duet-listen-");
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test("the socket has its mode from its first moment, and its group", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "s");
    const server = createServer();
    const mask = process.umask();
    const listening = listenUnix(server, path, { mode: 0o660, gid: process.getgid!() });
    await listening;
    assert.equal(process.umask(), mask);
    const stat = await lstat(path);
    assert.equal(stat.mode & 0o777, 0o660);
    server.close();
  });
});

test("a socket that nobody answers on is replaced, one that is answered is not", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "s");
    const first = createSocketServer();
    await new Promise<void>((resolve) => first.listen(path, resolve));
    await assert.rejects(listenUnix(createServer(), path, {}), { code: "SOCKET_IN_USE" });
    const { link } = await import("node:fs/promises");
    await link(path, `${path}.kept`);
    await new Promise((resolve) => first.close(resolve));
    await link(`${path}.kept`, path);
    const second = createServer();
    await listenUnix(second, path, {});
    second.close();
  });
});

test("what is no socket is left alone", async () => {
  await inFolder(async (folder) => {
    const path = join(folder, "s");
    await writeFile(path, "precious");
    await assert.rejects(listenUnix(createServer(), path, {}), { code: "SOCKET_PATH_TAKEN" });
    const link = join(folder, "l");
    await symlink(path, link);
    await assert.rejects(listenUnix(createServer(), link, {}), { code: "SOCKET_PATH_TAKEN" });
    assert.equal((await lstat(path)).size, 8);
  });
});

test("a path that does not fit a socket address is refused before anything is made", async () => {
  await assert.rejects(listenUnix(createServer(), `/tmp/${"x".repeat(120)}`, {}), {
    code: "SOCKET_PATH_TOO_LONG",
  });
  await assert.rejects(listenUnix(createServer(), "relative", {}), { class: "invalid" });
});

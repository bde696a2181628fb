import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { loadHostile } from "../attacks/hostile-image.ts";
import { TestDaemon } from "./daemon.ts";

/** `talk PATH TEXT [BYTES]`: sends TEXT, then BYTES of x, ends its direction and prints what it is answered. */
const talkSource = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  static char block[65536];
  strncpy(address.sun_path, argv[1], sizeof address.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) return perror("connect"), 1;
  if (write(fd, argv[2], strlen(argv[2])) < 0) return perror("write"), 1;
  memset(block, 'x', sizeof block);
  if (fork() > 0) goto read;
  for (long left = argc > 3 ? atol(argv[3]) : 0; left > 0;) {
    ssize_t size = write(fd, block, left < (long)sizeof block ? left : (long)sizeof block);
    if (size < 0) return perror("write"), 1;
    left -= size;
  }
  shutdown(fd, SHUT_WR);
  return 0;
  ssize_t got;
read:
  while ((got = read(fd, block, sizeof block)) > 0) fwrite(block, 1, got, stdout);
  return got < 0 ? perror("read"), 1 : 0;
}`;

for (const isolation of ["container", "vm"] as const) {
  describe(`a socket of the host, mounted into a ${isolation}`, { timeout: 1_500_000 }, () => {
    const folder = mkdtempSync("/tmp/duet-socket-");
    const path = join(folder, "host.sock");
    let daemon: TestDaemon;
    let server: Server;
    const undo: (() => Promise<void>)[] = [];
    const talk = (...words: string[]) => daemon.tryDocker(["exec", "one", "/talk", ...words]);

    before(async () => {
      const owner = { after: (done: () => Promise<void>) => void undo.push(done) };
      const flags = ["--vm-pool-size", "0"];
      daemon = await TestDaemon.start(owner, { flags, vmTemplates: isolation === "vm" });
      const program = join(folder, "talk");
      execFileSync("musl-gcc", ["-static", "-xc", "-", "-o", program], { input: talkSource });
      const file = {
        kind: "file",
        name: "talk",
        mode: 0o755,
        data: readFileSync(program),
      } as const;
      await loadHostile(daemon, { name: "talker", layers: [[file]] });
      server = await listen(path, echo);
      chmodSync(path, 0o660);
      const mounts = [
        "-v",
        `${path}:/run/host.sock`,
        "-v",
        `${daemon.socket}:/var/run/docker.sock`,
      ];
      const command = [`--isolation=${isolation}`, ...mounts, "talker", "sleep", "1000"];
      await daemon.docker("run", "-d", "--name", "one", ...command);
    });
    after(async () => {
      for (const done of undo.toReversed()) await done();
      server.close();
      rmSync(folder, { recursive: true });
    });

    test("lets programs inside speak with the engine", async () => {
      const request = "GET /containers/json HTTP/1.1\r\nHost: duet\r\nConnection: close\r\n\r\n";
      const said = await talk("/var/run/docker.sock", request);
      assert.equal(said.code, 0, said.stderr);
      assert.match(said.stdout.toString(), /^HTTP\/1\.1 200 OK[^]*"\/one"/);
    });

    test("carries much in both directions, and the end of one before the other's", async () => {
      const said = await talk("/run/host.sock", "echo ", "3000000");
      assert.equal(said.code, 0, said.stderr);
      assert.equal(said.stdout.length, 3_000_005 + "ended".length);
      assert.equal(said.stdout.subarray(0, 7).toString(), "echo xx");
      assert.equal(said.stdout.subarray(-6).toString(), "xended");
    });

    test("serves many at once", async () => {
      const all = await Promise.all(
        Array.from({ length: 8 }, (_, index) => talk("/run/host.sock", `number ${index} `)),
      );
      assert.deepEqual(
        all.map((said) => said.stdout.toString()),
        all.map((_, index) => `number ${index} ended`),
      );
    });

    test("lets those connect whom its mode lets connect", async () => {
      const words = ["exec", "-u", "1000:1000", "one", "/talk", "/run/host.sock", "hello"];
      const said = await daemon.tryDocker(words);
      assert.equal(said.code, 1);
      assert.match(said.stderr, /Permission denied/);
    });

    test("serves on while no daemon runs", async () => {
      const asking = `for n in 1 2 3 4 5 6; do sleep 1; /talk /run/host.sock "alone "; done`;
      const answered = waitFor(server, "alone ");
      await daemon.docker("exec", "-d", "one", "sh", "-c", `sleep 2; ${asking}`);
      await daemon.end("SIGKILL");
      await answered;
      await daemon.launch();
    });

    test("whose server is gone refuses, and goes on serving once it is back", async () => {
      server.close();
      const refused = await talk("/run/host.sock", "hello");
      assert.notEqual(refused.stdout.toString(), "hello ended");
      if (isolation === "container") return; /* A mount of a socket is of the one that was there. */
      server = await listen(path, echo);
      assert.equal((await talk("/run/host.sock", "again ")).stdout.toString(), "again ended");
    });
  });
}

/** Sends back what comes, and a word once the other side has ended. */
function echo(socket: Socket): void {
  socket.pipe(socket, { end: false });
  socket.on("end", () => socket.end("ended"));
  socket.on("error", () => socket.destroy());
}

async function listen(path: string, serve: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true }, serve);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(path, resolve);
  await promise;
  return server;
}

function waitFor(server: Server, words: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.on("connection", (socket) => {
    socket.on("data", (data) => {
      if (data.toString().includes(words)) resolve();
    });
  });
  return promise;
}

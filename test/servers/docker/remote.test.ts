import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test, type TestContext } from "node:test";
import { CertificateSet } from "../../../src/cli/certs/certificate-set.ts";
import { existsSync, statSync } from "node:fs";
import { RunningServer } from "./running-server.ts";
import { readFile } from "node:fs/promises";

const duet = join(import.meta.dirname, "../../../bin/duet");
const clients = ["/usr/local/bin/docker", "/usr/bin/docker"].filter((path) => existsSync(path));

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp("/tmp/duet-remote-");
  context.after(() => rm(folder, { recursive: true }));
  return folder;
}

test("the certificates that `duet certs` makes are what docker and duet need over TCP", async (context) => {
  const folder = join(await folderOf(context), "certs");
  await using server = await RunningServer.start();
  const made = await server.docker(duet, ["certs", "create", "--dir", folder, "--name", "a.test"]);
  assert.equal(made.code, 0, made.stderr);
  for (const name of ["ca-key.pem", "server-key.pem", "server-cert.pem", "clients/client/key.pem"])
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);
  const read = (name: string): Promise<string> => readFile(join(folder, name), "utf8");
  const ports = await server.server.listenTls([{ host: "127.0.0.1", port: 0 }], {
    authority: await read("ca.pem"),
    certificate: await read("server-cert.pem"),
    key: await read("server-key.pem"),
  });
  const host = `tcp://127.0.0.1:${ports.numbers[0]}`;
  const certificates = { DOCKER_CERT_PATH: join(folder, "clients/client") };
  const input = "line\n".repeat(50_000);
  for (const client of clients) {
    const env = { ...certificates, DOCKER_HOST: host, DOCKER_TLS_VERIFY: "1" };
    const ran = await server.docker(client, ["run", "--rm", "-i", "busybox", "cat"], input, env);
    assert.deepEqual([ran.code, ran.stderr, ran.stdout === input], [0, "", true], client);
    const plain = { DOCKER_HOST: host };
    assert.notEqual((await server.docker(client, ["ps"], "", plain)).code, 0);
  }
  const own = { ...certificates, DUET_HOST: host };
  const ran = await server.docker(duet, ["run", "--rm", "-i", "busybox", "cat"], input, own);
  assert.deepEqual([ran.code, ran.stderr, ran.stdout === input], [0, "", true]);
  const without = await server.docker(duet, ["ps"], "", { DUET_HOST: host });
  assert.match(without.stderr, /duet certs client.*DUET_CERT_PATH/s);
});

test("certificates are renewed under the same names, others added, and none overwritten", async (context) => {
  const folder = join(await folderOf(context), "certs");
  const set = new CertificateSet(folder);
  await set.create(["a.test", "192.0.2.7"], "anna", 10);
  await assert.rejects(set.create([], "anna", 10), { code: "CERTIFICATES_EXIST" });
  await assert.rejects(set.addClient("../x", 10), { code: "CLIENT_NAME" });
  await set.addClient("bert", 10);
  const before = await set.list();
  assert.deepEqual(await set.renew(["b.test"], 20), ["server", "client anna", "client bert"]);
  const after = await set.list();
  assert.deepEqual(
    after.map(({ role }) => role),
    ["authority", "server", "client anna", "client bert"],
  );
  for (const [index, { certificate }] of after.entries()) {
    const isSame = certificate.fingerprint256 === before[index]!.certificate.fingerprint256;
    assert.equal(isSame, index === 0);
  }
  for (const name of ["a.test", "b.test", "localhost"])
    assert.equal(after[1]!.certificate.checkHost(name), name);
  assert.equal(after[1]!.certificate.checkIP("192.0.2.7"), "192.0.2.7");
});

/** A PATH whose `ssh` runs the remote command here, as another machine that has Duet would. */
async function fakeSsh(folder: string): Promise<string> {
  const script = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift 2\nexec sh -c "$*"\n';
  await writeFile(join(folder, "ssh"), script);
  await chmod(join(folder, "ssh"), 0o755);
  for (const name of ["docker", "duet"]) await symlink(duet, join(folder, name));
  return `${folder}:/usr/bin:/bin`;
}

test("dial-stdio ends well beside a reader that is slower than the daemon", async (context) => {
  const folder = await folderOf(context);
  const length = 70_000; // A pipe holds 65,536 of them.
  const daemon = createServer((connection) => connection.end(Buffer.alloc(length)));
  await once(daemon.listen(join(folder, "daemon.sock")), "listening");
  context.after(() => daemon.close());
  const script = `{ "$0" system dial-stdio; echo "code $?" >&2; } | { read go <&3; wc -c; } 2>&1`;
  const env = { ...process.env, DUET_HOST: `unix://${folder}/daemon.sock` };
  const child = spawn("sh", ["-c", script, duet], {
    env,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  const printed = Promise.all([text(child.stdout), text(child.stderr)]);
  const [connection] = (await once(daemon, "connection")) as [Socket];
  await once(connection, "close");
  (child.stdio[3] as Socket).end("go\n");
  assert.deepEqual(await printed, [`${length}\n`, "code 0\n"]);
});

test("docker and duet reach the daemon over ssh, with input, output and exit code", async (context) => {
  const PATH = await fakeSsh(await folderOf(context));
  await using server = await RunningServer.start();
  const input = "line\n".repeat(50_000);
  // What the other machine's settings say; the client here has only the ssh address.
  const there = { PATH, DUET_HOST: `unix://${server.socket}`, DOCKER_HOST: "ssh://me@there" };
  for (const client of clients) {
    const ran = await server.docker(client, ["run", "--rm", "-i", "busybox", "cat"], input, there);
    assert.deepEqual([ran.code, ran.stderr, ran.stdout === input], [0, "", true], client);
    const failed = await server.docker(client, ["run", "--rm", "busybox", "exit", "7"], "", there);
    assert.equal(failed.code, 7, failed.stderr);
  }
  const own = { PATH, DUET_HOST: `ssh://me@there:22${server.socket}` };
  const ran = await server.docker(duet, ["run", "--rm", "-i", "busybox", "cat"], input, own);
  assert.deepEqual([ran.code, ran.stderr, ran.stdout === input], [0, "", true]);
  assert.match((await server.docker(duet, ["ps"], "", own)).stdout, /CONTAINER ID/);
  const nowhere = { PATH, DUET_HOST: "ssh://there/nonexistent.sock" };
  const lost = await server.docker(duet, ["ps"], "", nowhere);
  assert.equal(lost.code, 1);
  assert.match(lost.stderr, /cannot reach the Duet daemon · ssh ended with exit code 1 · there/);
});

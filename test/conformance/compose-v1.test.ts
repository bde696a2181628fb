import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { clientsOfFile } from "./shared.ts";

const shop = join(import.meta.dirname, "projects/shop");

/** docker-compose 1.29 in the folder of the project `shop`; gives what it printed. */
async function compose(...args: string[]): Promise<string> {
  const client = await clientsOfFile("debian-12");
  const result = await client.composeOne(["-p", "old", ...args], { cwd: shop });
  assert.equal(result.code, 0, `docker-compose ${args.join(" ")}: ${result.stderr}`);
  return result.stdout.toString();
}

async function running(): Promise<string[]> {
  return (await compose("ps", "--services", "--filter", "status=running")).trim().split("\n");
}

test("docker-compose 1.29: up brings the project in the order of its conditions", async () => {
  await compose("up", "-d");
  assert.deepEqual((await running()).toSorted(), ["db", "web", "worker"]);
  const shown = await compose("ps", "-a");
  assert.match(shown, /old_db_1\s.*Up \(healthy\)/);
  assert.match(shown, /old_seed_1\s.*Exit 0/);
});

test("docker-compose 1.29: services reach each other, are published, and told", async () => {
  const client = await clientsOfFile("debian-12");
  const ask = ["busybox", "wget", "-qO-"];
  assert.equal(await compose("exec", "-T", "web", ...ask, "http://db:5432/"), "s3cret\n");
  assert.equal(await compose("exec", "-T", "web", ...ask, "http://front/page.txt"), "a page\n");
  assert.equal(await compose("port", "web", "80"), "0.0.0.0:8080\n");
  const page = await client.daemon.onHost("curl", "-sS", "http://127.0.0.1:8080/page.txt");
  assert.equal(page.stdout.toString(), "a page\n");
  assert.match(await compose("top", "web"), /nginx: master process/);
  assert.match(await compose("images"), /old_web_1\s+nginx\s+latest/);
});

test("docker-compose 1.29: logs, run and exec give output and exit codes", async () => {
  const client = await clientsOfFile("debian-12");
  assert.match(await compose("logs", "--no-color", "seed"), /^seed_1\s+\| seeded$/m);
  assert.equal(
    await compose("run", "--rm", "-T", "-e", "A=1", "worker", "sh", "-c", "echo $A"),
    "1\n",
  );
  const words = ["-p", "old", "run", "--rm", "-T", "worker", "sh", "-c", "exit 5"];
  assert.equal((await client.composeOne(words, { cwd: shop })).code, 5);
  assert.equal(await compose("exec", "-T", "worker", "hostname"), "worker-host\n");
});

test("docker-compose 1.29: scale, pause, restart, stop, start and kill change services", async () => {
  const client = await clientsOfFile("debian-12");
  const count = async (): Promise<number> =>
    (await compose("ps", "-q", "worker")).split("\n").filter(Boolean).length;
  await compose("up", "-d", "--scale", "worker=2", "worker");
  assert.equal(await count(), 2);
  await compose("up", "-d", "--scale", "worker=1", "worker");
  assert.equal(await count(), 1);
  await compose("pause", "worker");
  assert.match(await compose("ps", "worker"), /Paused/);
  await compose("unpause", "worker");
  await compose("restart", "-t", "1", "worker");
  await compose("stop", "-t", "1", "worker");
  assert.equal((await running()).includes("worker"), false);
  await compose("start", "worker");
  await compose("kill", "-s", "SIGHUP", "db");
  assert.ok((await running()).includes("worker"));
  await compose("rm", "-fsv", "seed");
  assert.equal(await client.docker("ps", "-aqf", "name=old_seed"), "");
});

test("docker-compose 1.29: down -v takes everything of the project away", async () => {
  const client = await clientsOfFile("debian-12");
  await compose("down", "-v", "--remove-orphans", "-t", "2");
  const label = "label=com.docker.compose.project=old";
  assert.equal(await client.docker("ps", "-aqf", label), "");
  assert.equal(await client.docker("network", "ls", "-qf", label), "");
  assert.equal(await client.docker("volume", "ls", "-qf", label), "");
  assert.equal(await readFile(join(shop, "page.txt"), "utf8"), "a page\n");
});

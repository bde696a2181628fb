import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunResult } from "../../src/kit/subprocess.ts";
import type { ClientOptions, DockerClients } from "./clients.ts";
import { clientsOfFile } from "./shared.ts";

const projects = join(import.meta.dirname, "projects");
const shop = ["compose", "-f", "compose.yaml", "-f", "compose.v2.yaml", "-p", "shop"];

/** `docker compose` of the newest suite in the folder of the project `shop`. */
async function inShop(
  args: readonly string[],
  options: ClientOptions = {},
): Promise<RunResult & { text: string }> {
  const client = await clientsOfFile("newest");
  const place = { ...options, cwd: join(projects, "shop") };
  const result = await client.succeed([...shop, ...args], place);
  return { ...result, text: result.stdout.toString() };
}

async function states(client: DockerClients): Promise<Record<string, string>> {
  const format = "{{.Names}} {{.State}}";
  const text = await client.docker(
    "ps",
    "-a",
    "--filter",
    "label=com.docker.compose.project=shop",
    "--format",
    format,
  );
  return Object.fromEntries(
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => line.split(" ")),
  );
}

test("compose v2: up brings the project in the order of its conditions", async () => {
  const client = await clientsOfFile("newest");
  await inShop(["up", "-d"]);
  assert.deepEqual(await states(client), {
    "shop-db-1": "running",
    "shop-seed-1": "exited",
    "shop-web-1": "running",
    "shop-worker-1": "running",
  });
  const before = await client.docker("ps", "-q");
  await inShop(["up", "-d", "--wait", "db", "web", "worker"]);
  assert.equal(await client.docker("ps", "-q"), before);
  const { text } = await inShop(["ps", "--format", "{{.Service}} {{.Health}}", "db"]);
  assert.equal(text, "db healthy\n");
});

test("compose v2: services reach each other by name and alias, with their secrets and configs", async () => {
  const ask = async (url: string): Promise<string> =>
    (await inShop(["exec", "-T", "web", "busybox", "wget", "-qO-", url])).text;
  assert.equal(await ask("http://db:5432/"), "s3cret\n");
  assert.equal(await ask("http://front/page.txt"), "a page\n");
  assert.equal(await ask("http://localhost/terms.txt"), "the terms\n");
  assert.equal(await ask("http://localhost/inline.txt"), "written here\n");
  const environment = (await inShop(["exec", "-T", "web", "env"])).text;
  assert.match(environment, /^MODE=production$/m);
  assert.match(environment, /^FROM_FILE=yes$/m);
  const worker = await inShop([
    "exec",
    "-T",
    "worker",
    "sh",
    "-c",
    "hostname; ulimit -n; cat /proc/sys/net/core/somaxconn; grep special /etc/hosts; touch /x || echo refused; grep CapEff /proc/self/status",
  ]);
  assert.match(
    worker.text,
    /^worker-host\n1000\n256\n10\.9\.8\.7\s+special\nrefused\nCapEff:\t0+\n$/,
  );
});

test("compose v2: ports are published and told", async () => {
  const client = await clientsOfFile("newest");
  const { text } = await inShop(["port", "web", "80"]);
  assert.equal(text, "0.0.0.0:8080\n");
  assert.match((await inShop(["port", "web", "81"])).text, /^127\.0\.0\.1:\d+\n$/);
  const page = await client.daemon.onHost("curl", "-sS", "http://127.0.0.1:8080/page.txt");
  assert.equal(page.stdout.toString(), "a page\n");
});

test("compose v2: ps, ls, images, top, volumes and stats list the project", async () => {
  const listed = (await inShop(["ps", "--all", "--format", "json"])).text.trim().split("\n");
  const services = listed.map((line) => (JSON.parse(line) as { Service: string }).Service);
  assert.deepEqual(services.toSorted(), ["db", "seed", "web", "worker"]);
  assert.match((await inShop(["ls"])).text, /shop\s+running\(3\)/);
  assert.match((await inShop(["images", "web"])).text, /shop-web-1\s+nginx\s+latest/);
  assert.match((await inShop(["top", "web"])).text, /nginx: master process/);
  assert.equal((await inShop(["volumes", "-q"])).text, "shop_data\n");
  assert.match((await inShop(["stats", "--no-stream", "worker"])).text, /shop-worker-1.*64MiB/);
});

test("compose v2: logs tell services apart, follow, and tail", async () => {
  const client = await clientsOfFile("newest");
  assert.match((await inShop(["logs", "--no-color", "seed"])).text, /^(seed-1\s+\| seeded\n)+$/);
  assert.equal((await inShop(["logs", "--no-log-prefix", "--tail", "1", "seed"])).text, "seeded\n");
  const place = { cwd: join(projects, "shop") };
  const followed = client.follow([...shop, "logs", "-f", "--tail", "0", "worker"], place);
  await followed.said("tick");
  followed.signal("SIGINT");
  await followed.ended;
});

test("compose v2: run is one container more, with its own words", async () => {
  const { text } = await inShop([
    "run",
    "--rm",
    "-T",
    "--no-deps",
    "-e",
    "A=1",
    "web",
    "sh",
    "-c",
    "echo $A; cat /usr/share/nginx/html/page.txt",
  ]);
  assert.equal(text, "1\na page\n");
  const client = await clientsOfFile("newest");
  const place = { cwd: join(projects, "shop") };
  const failed = await client.attempt(
    [...shop, "run", "--rm", "-T", "worker", "sh", "-c", "exit 5"],
    place,
  );
  assert.equal(failed.code, 5);
  const piped = await inShop(["run", "--rm", "-T", "worker", "cat"], { input: "piped\n" });
  assert.equal(piped.text, "piped\n");
});

test("compose v2: cp goes both ways", async () => {
  const client = await clientsOfFile("newest");
  await inShop(["cp", "page.txt", "web:/tmp/copied"]);
  const target = join(client.daemon.folder, "copied");
  await inShop(["cp", "web:/tmp/copied", target]);
  assert.equal(await readFile(target, "utf8"), "a page\n");
});

test("compose v2: a service is scaled, addressed by index, and round robin by name", async () => {
  const client = await clientsOfFile("newest");
  await inShop(["up", "-d", "--no-recreate", "--scale", "worker=3"]);
  const running = async (): Promise<number> =>
    (await inShop(["ps", "-q", "worker"])).text.split("\n").filter(Boolean).length;
  assert.equal(await running(), 3);
  const address = (await inShop(["exec", "-T", "--index", "2", "worker", "hostname", "-i"])).text;
  assert.match(address, /^10\.77\.0\.\d+/);
  const found = (await inShop(["exec", "-T", "web", "busybox", "nslookup", "worker"])).text;
  assert.equal(new Set(found.match(/10\.77\.0\.\d+$/gm)).size >= 3, true, found);
  await inShop(["scale", "worker=1"]);
  assert.equal(await running(), 1);
  assert.deepEqual(
    Object.keys(await states(client)).filter((name) => name.includes("worker")),
    ["shop-worker-1"],
  );
});

test("compose v2: pause, unpause, stop, start, restart and kill change services", async () => {
  const client = await clientsOfFile("newest");
  const state = async (): Promise<string | undefined> => (await states(client))["shop-worker-1"];
  await inShop(["pause", "worker"]);
  assert.equal(await state(), "paused");
  await inShop(["unpause", "worker"]);
  await inShop(["stop", "worker"]);
  assert.equal(await state(), "exited");
  await inShop(["start", "worker"]);
  assert.equal(await state(), "running");
  await inShop(["restart", "worker"]);
  assert.equal(await state(), "running");
  await inShop(["kill", "-s", "SIGSTOP", "worker"]);
  await inShop(["kill", "-s", "SIGCONT", "worker"]);
  assert.equal(await state(), "running");
});

test("compose v2: events tell of services", async () => {
  const client = await clientsOfFile("newest");
  const place = { cwd: join(projects, "shop") };
  const events = client.follow([...shop, "events", "--json"], place);
  // The stream has no sign of its beginning: something happens until the first is seen.
  const seen = new AbortController();
  void events.said('"action":"exec_create').then(() => seen.abort(new Error("seen")));
  while (!seen.signal.aborted) await inShop(["exec", "-T", "db", "true"]);
  await inShop(["restart", "worker"]);
  await events.said('"action":"start"');
  events.signal("SIGINT");
  const { text } = await events.ended;
  assert.match(text, /"service":"worker"/);
});

test("compose v2: a profile's service comes only when asked for, a changed one is made anew", async () => {
  const client = await clientsOfFile("newest");
  assert.equal("shop-debug-1" in (await states(client)), false);
  await inShop(["--profile", "debug", "up", "-d", "debug"]);
  assert.equal((await states(client))["shop-debug-1"], "running");
  const id = async (service: string): Promise<string> => (await inShop(["ps", "-q", service])).text;
  const [web, worker] = [await id("web"), await id("worker")];
  await inShop(["up", "-d"], { env: { WHERE: "there" } });
  assert.notEqual(await id("web"), web);
  assert.equal(await id("worker"), worker);
  const shown = await inShop(["exec", "-T", "web", "cat", "/usr/share/nginx/html/inline.txt"]);
  assert.equal(shown.text, "written there\n");
});

test("compose v2: export and wait reach a service's container", async () => {
  const client = await clientsOfFile("newest");
  const target = join(client.daemon.folder, "web.tar");
  await inShop(["export", "-o", target, "web"]);
  assert.ok((await readFile(target)).includes("usr/share/nginx/html"));
  const place = { cwd: join(projects, "shop") };
  const waiting = client.follow([...shop, "wait", "debug"], place);
  await inShop(["--profile", "debug", "stop", "debug"]);
  assert.equal((await waiting.ended).code, 0);
});

test("compose v2: commit makes an image of a service", async () => {
  const client = await clientsOfFile("newest");
  await inShop(["commit", "worker", "committed:v2"]);
  await client.docker("rmi", "committed:v2");
});

test("compose v2: down -v takes everything of the project away", async () => {
  const client = await clientsOfFile("newest");
  await inShop(["--profile", "debug", "down", "-v", "--remove-orphans"]);
  assert.deepEqual(await states(client), {});
  const left = async (...words: string[]): Promise<string> =>
    await client.docker(...words, "ls", "-q", "--filter", "label=com.docker.compose.project=shop");
  assert.equal(await left("network"), "");
  assert.equal(await left("volume"), "");
});

test("compose v2: a service in a VM and services in containers reach each other by name", async () => {
  const client = await clientsOfFile("newest");
  const place = { cwd: join(projects, "mixed") };
  const mixed = ["compose", "-p", "mixed"];
  await client.succeed([...mixed, "up", "-d"], place);
  for (const service of ["asker", "asking-guest"]) {
    const id = (await client.succeed([...mixed, "ps", "-aq", service], place)).stdout
      .toString()
      .trim();
    assert.equal(await client.docker("wait", id), "0\n");
    const logs = await client.succeed([...mixed, "logs", "--no-log-prefix", service], place);
    assert.equal(logs.stdout.toString(), "box\ngiven\nguest\ngiven\n");
  }
  const kernel = async (service: string): Promise<string> =>
    (
      await client.succeed(
        [...mixed, "exec", "-T", service, "cat", "/proc/sys/kernel/random/boot_id"],
        place,
      )
    ).stdout.toString();
  assert.notEqual(await kernel("guest"), await kernel("box"));
  const page = await client.daemon.onHost("curl", "-sS", "http://127.0.0.1:8081/");
  assert.equal(page.stdout.toString(), "guest\ngiven\n");
  assert.match(
    (await client.succeed([...mixed, "top", "guest"], place)).stdout.toString(),
    /httpd/,
  );
  await client.succeed([...mixed, "down", "-v"], place);
});

test("compose v2: up in the foreground shows all output and ends with the exit code of one service", async () => {
  const client = await clientsOfFile("newest");
  const place = { cwd: join(projects, "mixed") };
  const words = [
    "compose",
    "-p",
    "front",
    "up",
    "--no-color",
    "--attach-dependencies",
    "--exit-code-from",
    "asker",
    "asker",
  ];
  const result = await client.attempt(words, place);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout.toString(), /asker-1\s+\| guest\n/);
  assert.match(result.stdout.toString(), /box-1\s+\| serving\n/);
  await client.succeed(["compose", "-p", "front", "down", "-v"], place);
});

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { DockerComposeEnvironment, GenericContainer, Network, Wait } from "testcontainers";
import { Session } from "./session.ts";

const session = new Session("testcontainers");
const socketPath = (process.env["DOCKER_HOST"] ?? "").slice("unix://".length);

/** Status and body of a request of our own to the engine. */
async function ask(path: string): Promise<{ status: number; body: string }> {
  const asked = request({ socketPath, path }).end();
  const [response] = await once(asked, "response");
  return { status: response.statusCode, body: await text(response) };
}

/** Resolves when the engine has said that the object with that id is gone. */
async function gone(type: "containers" | "networks", id: string): Promise<void> {
  const asked = request({ socketPath, path: "/events" }).end();
  const [events] = await once(asked, "response");
  const isGone = async (): Promise<boolean> =>
    (await ask(`/${type}/${id}${type === "containers" ? "/json" : ""}`)).status === 404;
  asked.on("error", () => undefined);
  if (!(await isGone())) for await (const _ of events) if (await isGone()) break;
  asked.destroy();
}

session.test("the reaper removes what a killed process has left, and then itself", async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, "abandoned.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let told: { container: string; network: string } | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    told = JSON.parse(line) as typeof told;
    break;
  }
  assert.ok(told !== undefined);
  assert.equal((await ask(`/containers/${told.container}/json`)).status, 200);
  const [reaper] = JSON.parse((await ask("/containers/json")).body).filter(
    (one: { Image: string }) => one.Image.includes("ryuk"),
  ) as { Id: string }[];
  child.kill("SIGKILL");
  await gone("containers", told.container);
  await gone("networks", told.network);
  await gone("containers", reaper?.Id ?? "");
});

session.test("an exposed port answers once the wait for HTTP is over", async () => {
  await using nginx = await new GenericContainer("nginx")
    .withExposedPorts(80)
    .withWaitStrategy(Wait.forHttp("/", 80))
    .withLabels({ of: "testcontainers" })
    .start();
  const page = await fetch(`http://${nginx.getHost()}:${nginx.getMappedPort(80)}/`);
  assert.match(await page.text(), /Welcome to nginx!/);
  assert.equal(nginx.getLabels()["of"], "testcontainers");
  assert.match(nginx.getName(), /^\/\w/);
});

session.test("listening ports are waited for in the container and from outside", async () => {
  await using nginx = await new GenericContainer("nginx")
    .withExposedPorts(80)
    .withWaitStrategy(Wait.forListeningPorts())
    .start();
  assert.ok(nginx.getFirstMappedPort() > 0);
});

session.test("logs are waited for, followed and read", async () => {
  const third = Promise.withResolvers<void>();
  await using container = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", "for n in 1 2 3; do echo line $n; done; echo ready; sleep 1000"])
    .withWaitStrategy(Wait.forLogMessage(/ready/))
    .withLogConsumer(
      (stream) =>
        void stream.on("data", (line) => {
          if (String(line).includes("line 3")) third.resolve();
        }),
    )
    .start();
  for await (const line of (await container.logs()).setEncoding("utf8")) {
    if (String(line).includes("ready")) break;
  }
  await third.promise;
});

session.test("exec gives output, error and code; with a user, folder and environment", async () => {
  await using container = await new GenericContainer("busybox")
    .withCommand(["sleep", "1000"])
    .withEnvironment({ FRUIT: "pear" })
    .start();
  const result = await container.exec(["sh", "-c", "echo $FRUIT; echo bad >&2; exit 3"]);
  assert.deepEqual([result.stdout, result.stderr, result.exitCode], ["pear\n", "bad\n", 3]);
  const other = await container.exec(["sh", "-c", "pwd; id -u; echo $EXTRA"], {
    workingDir: "/tmp",
    user: "33",
    env: { EXTRA: "more" },
  });
  assert.equal(other.output, "/tmp\n33\nmore\n");
});

session.test("files, folders, texts and archives are copied in and out", async () => {
  const place = join(import.meta.dirname, "../projects/shop");
  await using container = await new GenericContainer("busybox")
    .withCommand(["sleep", "1000"])
    .withCopyContentToContainer([{ content: "text\n", target: "/tmp/text", mode: 0o600 }])
    .withCopyFilesToContainer([{ source: join(place, "page.txt"), target: "/tmp/page" }])
    .withCopyDirectoriesToContainer([{ source: place, target: "/opt/shop" }])
    .start();
  const shown = await container.exec([
    "sh",
    "-c",
    "cat /tmp/text /tmp/page /opt/shop/terms.txt; stat -c %a /tmp/text",
  ]);
  assert.equal(shown.output, "text\na page\nthe terms\n600\n");
  await container.copyContentToContainer([{ content: "later\n", target: "/tmp/later" }]);
  const archive = await container.copyArchiveFromContainer("/tmp/later");
  assert.match(await text(archive), /^later\0[^]*later\n/);
});

session.test("containers on a network know each other by alias", async () => {
  await using network = await new Network().start();
  await using server = await new GenericContainer("nginx")
    .withNetwork(network)
    .withNetworkAliases("web")
    .withWaitStrategy(Wait.forSuccessfulCommand("test -s /run/nginx.pid"))
    .start();
  await using asker = await new GenericContainer("busybox")
    .withNetwork(network)
    .withCommand(["sleep", "1000"])
    .start();
  const answer = await asker.exec(["wget", "-qO-", "http://web/"]);
  assert.match(answer.output, /Welcome to nginx!/);
  assert.match(server.getIpAddress(network.getName()), /^\d+\.\d+\.\d+\.\d+$/);
});

session.test("health, one shot and a command are waited for", async () => {
  await using healthy = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", "sleep 1; touch /ok; sleep 1000"])
    .withHealthCheck({
      test: ["CMD", "test", "-e", "/ok"],
      interval: 1000,
      retries: 20,
      timeout: 5000,
    })
    .withWaitStrategy(Wait.forHealthCheck())
    .start();
  assert.equal((await healthy.exec(["test", "-e", "/ok"])).exitCode, 0);
  await using once = await new GenericContainer("hello-world")
    .withWaitStrategy(Wait.forOneShotStartup())
    .start();
  assert.match(await text(await once.logs()), /Hello from Duet!/);
  await using shell = await new GenericContainer("busybox")
    .withCommand(["sh", "-c", "touch /up; sleep 1000"])
    .withWaitStrategy(Wait.forSuccessfulCommand("test -e /up"))
    .start();
  assert.ok(shell.getId().length === 64);
});

session.test(
  "a container that ends while it is waited for is a failure with its output",
  async () => {
    const start = new GenericContainer("busybox")
      .withCommand(["sh", "-c", "echo early; exit 1"])
      .withWaitStrategy(Wait.forLogMessage("never"))
      .withStartupTimeout(20_000)
      .start();
    await assert.rejects(start, /early|never/);
  },
);

session.test("volumes, limits and options reach the container", async () => {
  await using container = await new GenericContainer("busybox")
    .withCommand(["sleep", "1000"])
    .withTmpFs({ "/scratch": "size=1m" })
    .withBindMounts([{ source: import.meta.dirname, target: "/given", mode: "ro" }])
    .withUlimits({ nofile: { soft: 123, hard: 234 } })
    .withAddedCapabilities("NET_ADMIN")
    .withDroppedCapabilities("MKNOD")
    .withResourcesQuota({ memory: 0.125, cpu: 0.5 })
    .withExtraHosts([{ host: "there", ipAddress: "10.1.2.3" }])
    .withHostname("told")
    .withUser("0")
    .withWorkingDir("/tmp")
    .withSharedMemorySize(1 << 20)
    .withPrivilegedMode()
    .start();
  const script = "hostname; pwd; ulimit -n; grep -c there /etc/hosts; ls /given/session.ts";
  const shown = await container.exec(["sh", "-c", script]);
  assert.equal(shown.output, "told\n/tmp\n123\n1\n/given/session.ts\n");
});

session.test("restart keeps the container and takes its new ports", async () => {
  await using nginx = await new GenericContainer("nginx").withExposedPorts(80).start();
  const id = nginx.getId();
  await nginx.restart();
  assert.equal(nginx.getId(), id);
  const page = await fetch(`http://${nginx.getHost()}:${nginx.getMappedPort(80)}/`);
  assert.equal(page.status, 200);
});

session.test("a container for reuse is found again by its hash", async () => {
  process.env["TESTCONTAINERS_REUSE_ENABLE"] = "true";
  const make = (): GenericContainer =>
    new GenericContainer("busybox").withCommand(["sleep", "1000"]).withReuse();
  const first = await make().start();
  const second = await make().start();
  assert.equal(first.getId(), second.getId());
  await second.stop();
  assert.equal((await ask(`/containers/${first.getId()}/json`)).status, 404);
});

session.test("stop can keep the container, which can be committed", async () => {
  const container = await new GenericContainer("busybox").withCommand(["sleep", "1000"]).start();
  const stopped = await container.stop({ remove: false, timeout: 1000 });
  const told = JSON.parse((await ask(`/containers/${stopped.getId()}/json`)).body) as {
    State: { Status: string };
  };
  assert.equal(told.State.Status, "exited");
  const archive = await stopped.copyArchiveFromContainer("/etc/passwd");
  assert.match(await text(archive), /^passwd/);
});

session.test("a compose project is an environment", async () => {
  const place = join(import.meta.dirname, "../projects/shop");
  const environment = await new DockerComposeEnvironment(place, "compose.yaml")
    .withWaitStrategy("web-1", Wait.forHttp("/page.txt", 80))
    .withWaitStrategy("seed-1", Wait.forOneShotStartup())
    .up();
  const web = environment.getContainer("web-1");
  const page = await fetch(`http://${web.getHost()}:${web.getMappedPort(80)}/page.txt`);
  assert.equal(await page.text(), "a page\n");
  await environment.down({ removeVolumes: true });
});

await session.run();

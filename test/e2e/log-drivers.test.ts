import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, watch } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { before, test } from "node:test";
import { race } from "../../src/kit/abort.ts";
import { TestDaemon } from "./daemon.ts";
import { loadImages } from "./images.ts";
import { ownerOfTests } from "./owner.ts";

const waitMilliseconds = 180_000;
const owner = ownerOfTests();
let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start(owner);
  await loadImages(daemon, "busybox");
});

/** A syslog of the host's, on a socket in the daemon's folder. */
class Syslog {
  readonly path: string;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private text = "";
  private wake: () => void = () => undefined;

  private constructor(path: string) {
    this.path = path;
    this.server = createServer((socket) => {
      this.sockets.add(socket);
      socket.setEncoding("utf8");
      socket.on("error", () => undefined);
      socket.on("data", (piece: string) => {
        this.text += piece;
        this.wake();
      });
    });
  }

  static async start(name: string): Promise<Syslog> {
    const syslog = new Syslog(join(daemon.folder, name));
    syslog.server.listen(syslog.path);
    await once(syslog.server, "listening");
    return syslog;
  }

  /** What messages say, in order. */
  get messages(): string[] {
    return this.text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.replace(/^.*?\]: /, ""));
  }

  get lines(): string[] {
    return this.text.split("\n").slice(0, -1);
  }

  async until(look: () => boolean): Promise<void> {
    const late = AbortSignal.timeout(waitMilliseconds);
    late.addEventListener("abort", () => this.wake(), { once: true });
    while (!look()) {
      late.throwIfAborted();
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}

function syslogFlags(path: string, ...more: string[]): string[] {
  const options = [`syslog-address=unix://${path}`, ...more];
  return ["--log-driver", "syslog", ...options.flatMap((option) => ["--log-opt", option])];
}

for (const isolation of ["container", "vm"]) {
  test(`of a ${isolation}: a log goes to syslog, and can be read here as well`, async () => {
    await using syslog = await Syslog.start(`${isolation}.sock`);
    const flags = syslogFlags(
      syslog.path,
      "tag={{.Name}}/{{.ImageName}}",
      "syslog-facility=local3",
    );
    const name = `sent-${isolation}`;
    const line = "echo out; echo err >&2; printf unfinished";
    const run = ["run", "--name", name, `--isolation=${isolation}`, ...flags, "busybox"];
    await daemon.docker(...run, "sh", "-c", line);
    await syslog.until(() => syslog.messages.length === 3);
    const tagged = new RegExp(`^<15[58]>\\w{3} [ \\d]\\d [\\d:]{8} ${name}/busybox\\[\\d+\\]: `);
    for (const text of syslog.lines) assert.match(text, tagged);
    assert.deepEqual(syslog.messages.toSorted(), ["err", "out", "unfinished"]);
    assert.ok(syslog.lines.find((text) => text.endsWith(": err"))!.startsWith("<155>"));
    const kept = await daemon.tryDocker(["logs", name], [0]);
    assert.equal(kept.stdout.toString() + kept.stderr, "out\nunfinishederr\n");
    await daemon.docker("rm", name);
  });
}

test("a syslog that goes away holds nothing up, and is told the rest when it is back", async () => {
  const folder = join(daemon.folder, "signs");
  await mkdir(folder);
  let syslog = await Syslog.start("away.sock");
  const waitFor = (file: string) => `until [ -e /signs/${file} ]; do sleep 0.05; done`;
  const line = `echo first; ${waitFor("go")}; for i in $(seq 500); do echo line $i; done; ${waitFor("end")}; echo last`;
  const flags = [...syslogFlags(syslog.path), "-v", `${folder}:/signs`, "--name", "away"];
  await daemon.docker("run", "-d", ...flags, "busybox", "sh", "-c", line);
  await syslog.until(() => syslog.messages.includes("first"));
  await syslog[Symbol.asyncDispose]();
  await rm(syslog.path, { force: true });
  await writeFile(join(folder, "go"), "");
  const follow = spawn("docker", ["-H", `unix://${daemon.socket}`, "logs", "-f", "away"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  for await (const text of createInterface(follow.stdout)) if (text === "line 500") break;
  follow.kill();
  // What a connection took when nobody read it any more is lost, as with Docker: here the first of the lines at most.
  syslog = await Syslog.start("away.sock");
  await daemon.end("SIGKILL");
  await daemon.launch();
  await writeFile(join(folder, "end"), "");
  await syslog.until(() => syslog.messages.includes("last"));
  const numbers = syslog.messages
    .filter((text) => text.startsWith("line "))
    .map((text) => Number(text.slice(5)));
  const first = numbers[0] ?? Number.NaN;
  assert.deepEqual([...new Set(numbers)].at(-1), 500);
  assert.equal(new Set(numbers).size, 500 - first + 1);
  assert.ok(first < 500, `the first line that came was ${first}`);
  await syslog[Symbol.asyncDispose]();
  await daemon.docker("rm", "-f", "away");
});

async function eventuallyGone(path: string): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = (): void => void (existsSync(path) || resolve());
  const watcher = watch(dirname(path), look);
  watcher.on("error", resolve);
  look();
  try {
    await race(promise, AbortSignal.timeout(waitMilliseconds));
  } finally {
    watcher.close();
  }
}

test("where no copy is kept here, all is sent before the container is gone, and none can be read", async () => {
  await using syslog = await Syslog.start("only.sock");
  const flags = syslogFlags(syslog.path, "cache-disabled=true");
  const [image, ...line] = ["busybox", "sh", "-c", "for i in $(seq 2000); do echo $i; done"];
  await daemon.docker("run", "--rm", ...flags, image, ...line);
  await syslog.until(() => syslog.messages.length === 2_000);
  assert.equal(syslog.messages.at(-1), "2000");
  await daemon.docker("run", "--name", "only", ...flags, image, "echo", "once");
  const refused = await daemon.tryDocker(["logs", "only"]);
  assert.notEqual(refused.code, 0);
  assert.match(refused.stderr, /configured logging driver does not support reading/);
  const id = (await daemon.docker("inspect", "--format", "{{.Id}}", "only")).trim();
  const folder = join(daemon.folder, "data/containers", id);
  await daemon.docker("start", "-a", "only");
  await syslog.until(() => syslog.messages.filter((text) => text === "once").length === 2);
  await eventuallyGone(join(folder, "log.json"));
  await daemon.docker("rm", "only");
});

test("a destination that is not there fails the start in Docker's words", async () => {
  const gone = join(daemon.folder, "gone.sock");
  const flags = ["--log-driver", "syslog", "--log-opt", "syslog-address=tcp://127.0.0.1:9"];
  const refused = await daemon.tryDocker(["run", "--rm", ...flags, "busybox", "true"]);
  const tagged = ["run", "--rm", "--log-opt", "tag={{.Foo}}", "busybox", "true"];
  assert.match((await daemon.tryDocker(tagged)).stderr, /logging driver: .*no field Foo/);
  const chosen = ["run", "--rm", "--log-opt", "env-regex=(", "busybox", "true"];
  assert.match((await daemon.tryDocker(chosen)).stderr, /logging driver: error parsing regexp: /);
  assert.match(
    refused.stderr,
    /failed to create task for container: failed to initialize logging driver: dial tcp 127\.0\.0\.1:9: connect: connection refused/,
  );
  const unmade = await daemon.tryDocker(["create", ...syslogFlags(gone), "busybox"]);
  assert.match(unmade.stderr, /stat .*gone\.sock: no such file or directory/);
  const info = await daemon.docker("info", "--format", "{{json .Plugins.Log}}");
  assert.deepEqual(JSON.parse(info), [
    ...["fluentd", "gelf", "journald", "json-file", "local", "none", "syslog"],
  ]);
});

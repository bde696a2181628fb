import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { PassThrough, Readable, type Duplex } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import Docker from "dockerode";
import { writeTar, type TarMember } from "../../../src/kit/tar/writer.ts";
import { Session } from "./session.ts";

const docker = new Docker({
  socketPath: (process.env["DOCKER_HOST"] ?? "").slice("unix://".length),
});
const session = new Session("dockerode");

/** What a stream with both outputs in frames holds. */
async function demultiplexed(stream: Readable): Promise<{ out: string; error: string }> {
  const [out, error] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, error);
  stream.once("end", () => {
    out.end();
    error.end();
  });
  const [outText, errorText] = await Promise.all([text(out), text(error)]);
  return { out: outText, error: errorText };
}

async function finished(stream: NodeJS.ReadableStream): Promise<unknown[]> {
  return await new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null, output: unknown[]) => {
      if (error === null) resolve(output);
      else reject(error);
    });
  });
}

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const members = Object.entries(files).map(([name, content]): TarMember => {
    const bytes = Buffer.from(content);
    const header = {
      kind: "file",
      name: Buffer.from(name),
      mode: 0o644,
      size: bytes.length,
      modifiedSeconds: 0,
    } as const;
    return { header, content: bytes };
  });
  return Buffer.concat(await Array.fromAsync(writeTar(members)));
}

async function sleeper(options: Docker.ContainerCreateOptions = {}): Promise<Docker.Container> {
  const command = { Image: "busybox", Cmd: ["sleep", "1000"] };
  const container = await docker.createContainer({ ...command, ...options });
  await container.start();
  return container;
}

async function failure(work: Promise<unknown>): Promise<{ statusCode: number; message: string }> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof Error && "statusCode" in thrown, "it was refused");
  return thrown as Error & { statusCode: number };
}

session.test("ping, version, info and df answer", async () => {
  assert.equal(String(await docker.ping()), "OK");
  assert.equal((await docker.version()).Os, "linux");
  assert.equal(typeof ((await docker.info()) as { NCPU: number }).NCPU, "number");
  assert.ok(Array.isArray(((await docker.df()) as { Images: unknown[] }).Images));
});

session.test("run pipes what a container prints, and gives its exit code", async () => {
  const out = new PassThrough();
  const said = text(out);
  const [result, container] = (await docker.run(
    "busybox",
    ["sh", "-c", "echo hello; exit 3"],
    out,
  )) as [{ StatusCode: number }, Docker.Container];
  out.end();
  assert.equal(await said, "hello\r\n");
  assert.equal(result.StatusCode, 3);
  await container.remove();
});

session.test("run tells the outputs apart, also of a VM", async () => {
  for (const isolation of ["default", "vm"]) {
    const [out, error] = [new PassThrough(), new PassThrough()];
    const [outText, errorText] = [text(out), text(error)];
    const host = { AutoRemove: true, Isolation: isolation };
    await docker.run("busybox", ["sh", "-c", "echo out; echo err >&2"], [out, error], {
      Tty: false,
      HostConfig: host,
    });
    out.end();
    error.end();
    assert.equal(await outText, "out\n");
    assert.equal(await errorText, "err\n");
  }
});

session.test("attach with hijack carries input both ways and half-closes", async () => {
  const container = await docker.createContainer({
    Image: "busybox",
    Cmd: ["sh", "-c", "cat; echo bye >&2"],
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const options = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };
  const stream = (await container.attach(options)) as unknown as Duplex;
  const told = demultiplexed(stream);
  const ended = container.wait({ condition: "next-exit" }) as Promise<{ StatusCode: number }>;
  await container.start();
  stream.write("a line\n");
  stream.end("the last\n");
  assert.deepEqual(await told, { out: "a line\nthe last\n", error: "bye\n" });
  assert.equal((await ended).StatusCode, 0);
  await container.remove();
});

session.test("logs come at once and as a stream", async () => {
  const container = await docker.createContainer({
    Image: "busybox",
    Cmd: ["sh", "-c", "echo one; echo two >&2; sleep 1; echo three"],
  });
  await container.start();
  const followed = await container.logs({ follow: true, stdout: true, stderr: true });
  const told = await demultiplexed(followed as unknown as Readable);
  assert.deepEqual(told, { out: "one\nthree\n", error: "two\n" });
  const last = await container.logs({ stdout: true, tail: 1 });
  assert.equal(last.subarray(8).toString(), "three\n");
  await container.wait();
  await container.remove();
});

session.test("exec runs beside, with input, terminal, size and exit code", async () => {
  const container = await sleeper();
  const exec = await container.exec({
    Cmd: ["sh", "-c", "cat; exit 5"],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const told = demultiplexed(stream);
  stream.end("through\n");
  assert.equal((await told).out, "through\n");
  assert.equal((await exec.inspect()).ExitCode, 5);
  const terminal = await container.exec({
    Cmd: ["sh", "-c", "read go; stty size"],
    AttachStdin: true,
    AttachStdout: true,
    Tty: true,
  });
  const screen = await terminal.start({ hijack: true, stdin: true, Tty: true });
  const shown = text(screen);
  await terminal.resize({ h: 33, w: 101 });
  screen.write("go\n");
  assert.match(await shown, /33 101\r\n$/);
  await container.remove({ force: true });
});

session.test("archives are put, got and described", async () => {
  const container = await sleeper();
  await container.putArchive(await tarOf({ "given.txt": "given\n" }), { path: "/tmp" });
  const got = await buffer((await container.getArchive({ path: "/tmp/given.txt" })) as Readable);
  assert.equal(got.subarray(512, 518).toString(), "given\n");
  const info = (await container.infoArchive({ path: "/tmp/given.txt" })) as unknown as {
    headers: Record<string, string>;
  };
  const stat = JSON.parse(
    Buffer.from(info.headers["x-docker-container-path-stat"] ?? "", "base64").toString(),
  ) as { name: string; size: number };
  assert.deepEqual([stat.name, stat.size], ["given.txt", 6]);
  assert.equal((await failure(container.getArchive({ path: "/none" }))).statusCode, 404);
  await container.remove({ force: true });
});

session.test("states change as told and refusals bear Docker's codes", async () => {
  const container = await sleeper({ name: "dockerode-life" });
  await container.pause();
  assert.equal((await container.inspect()).State.Status, "paused");
  await container.unpause();
  assert.equal((await failure(container.start())).statusCode, 304);
  await container.rename({ name: "dockerode-renamed" });
  await container.restart({ t: 0 });
  await container.stop({ t: 0 });
  assert.equal((await failure(container.stop())).statusCode, 304);
  assert.equal((await failure(container.kill())).statusCode, 409);
  const twice = docker.createContainer({ Image: "busybox", name: "dockerode-renamed" });
  assert.equal((await failure(twice)).statusCode, 409);
  const removed = container.wait({ condition: "removed" }) as Promise<{ StatusCode: number }>;
  await container.remove();
  assert.equal((await removed).StatusCode, 137);
  assert.equal((await failure(container.inspect())).statusCode, 404);
});

session.test("stats and top look into a container", async () => {
  const container = await sleeper();
  const stats = await container.stats({ stream: false });
  assert.ok(stats.memory_stats.usage > 0);
  assert.ok(stats.cpu_stats.cpu_usage.total_usage > 0);
  const stream = (await container.stats({ stream: true })) as unknown as Readable;
  const [first] = (await once(stream, "data")) as [Buffer];
  assert.ok("networks" in (JSON.parse(first.toString()) as object));
  stream.destroy();
  const top = (await container.top({ ps_args: "-ef" })) as { Processes: string[][] };
  assert.match(top.Processes.flat().join(" "), /sleep 1000/);
  await container.update({ Memory: 96 << 20, MemorySwap: 96 << 20 });
  assert.equal((await container.inspect()).HostConfig.Memory, 96 << 20);
  await container.remove({ force: true });
});

session.test("events are a stream of JSON lines", async () => {
  const stream = (await docker.getEvents({
    filters: { label: ["of=dockerode"], type: ["container"] },
  })) as Readable;
  const container = await docker.createContainer({ Image: "busybox", Labels: { of: "dockerode" } });
  await container.remove();
  let seen = "";
  for await (const piece of stream) {
    seen += String(piece);
    if (seen.includes('"destroy"')) break;
  }
  const actions = seen
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { Action: string }).Action);
  assert.deepEqual(actions, ["create", "destroy"]);
});

session.test("networks and aliases join containers", async () => {
  const network = await docker.createNetwork({
    Name: "dockerode-net",
    IPAM: { Driver: "default", Config: [{ Subnet: "10.91.0.0/24" }] },
  });
  const container = await sleeper();
  await network.connect({
    Container: container.id,
    EndpointConfig: { Aliases: ["known"], IPAMConfig: { IPv4Address: "10.91.0.44" } },
  });
  const joined = (await container.inspect()).NetworkSettings.Networks["dockerode-net"];
  assert.equal(joined?.IPAddress, "10.91.0.44");
  const out = new PassThrough();
  const said = text(out);
  await docker.run("busybox", ["nslookup", "known"], out, {
    HostConfig: { NetworkMode: "dockerode-net", AutoRemove: true },
  });
  out.end();
  assert.match(await said, /10\.91\.0\.44/);
  assert.equal((await failure(network.remove())).statusCode, 403);
  await network.disconnect({ Container: container.id });
  await container.remove({ force: true });
  await network.remove();
});

session.test("volumes are made, listed, refused while used, and removed", async () => {
  await docker.createVolume({ Name: "dockerode-volume", Labels: { of: "dockerode" } });
  const { Volumes } = await docker.listVolumes({ filters: { label: ["of=dockerode"] } });
  assert.deepEqual(
    Volumes.map((volume) => volume.Name),
    ["dockerode-volume"],
  );
  const container = await docker.createContainer({
    Image: "busybox",
    HostConfig: { Binds: ["dockerode-volume:/data"] },
  });
  const volume = docker.getVolume("dockerode-volume");
  assert.equal((await failure(volume.remove())).statusCode, 409);
  await container.remove();
  await volume.remove();
  assert.equal((await failure(volume.inspect())).statusCode, 404);
});

session.test("images are saved, loaded with progress, tagged, listed and removed", async () => {
  const image = docker.getImage("busybox:latest");
  await image.tag({ repo: "dockerode/tagged", tag: "one" });
  const tagged = docker.getImage("dockerode/tagged:one");
  const archive = new PassThrough();
  const bytes = buffer(archive);
  await pipeline(await tagged.get(), archive);
  await tagged.remove();
  const loading: Promise<NodeJS.ReadableStream> = docker.loadImage(Readable.from([await bytes]));
  const [line] = (await finished(await loading)) as { stream: string }[];
  assert.match(line?.stream ?? "", /Loaded image: dockerode\/tagged:one/);
  const listed = await docker.listImages({ filters: { reference: ["dockerode/*"] } });
  assert.deepEqual(listed[0]?.RepoTags, ["dockerode/tagged:one"]);
  assert.ok(((await tagged.history()) as unknown[]).length > 0);
  await tagged.remove();
  const missing = await failure(docker.pull("127.0.0.1:1/none:none"));
  assert.ok(missing.statusCode >= 400);
});

session.test("lists take filters as objects", async () => {
  const container = await sleeper({ Labels: { shade: "dark" }, name: "dockerode-list" });
  const find = async (filters: Record<string, string[]>): Promise<string[]> =>
    (await docker.listContainers({ filters: JSON.stringify(filters) })).flatMap((one) => one.Names);
  assert.deepEqual(await find({ label: ["shade=dark"] }), ["/dockerode-list"]);
  assert.deepEqual(await find({ name: ["dockerode-list"], status: ["running"] }), [
    "/dockerode-list",
  ]);
  assert.deepEqual(await find({ label: ["shade=light"] }), []);
  await container.remove({ force: true });
});

session.test("a published port leads to the container", async () => {
  const container = await docker.createContainer({
    Image: "nginx",
    ExposedPorts: { "80/tcp": {} },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] } },
  });
  await container.start();
  const [binding] = (await container.inspect()).NetworkSettings.Ports["80/tcp"] ?? [];
  assert.ok(Number(binding?.HostPort) > 0);
  await container.remove({ force: true });
});

session.test("an abandoned stream holds nothing up", async () => {
  const container = await sleeper();
  const controller = new AbortController();
  const logs = await container.logs({
    follow: true,
    stdout: true,
    abortSignal: controller.signal,
  });
  controller.abort(new Error("enough"));
  (logs as unknown as Readable).on("error", () => undefined);
  await container.remove({ force: true });
});

session.test("the daemon answers a client that speaks through a proxy of its own", async () => {
  const proxy = createServer((request, response) => {
    docker.modem.dial(
      { path: request.url ?? "/", method: request.method ?? "GET", statusCodes: { 200: true } },
      (_error: unknown, data: unknown) => response.end(String(data)),
    );
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const address = proxy.address();
  const port = typeof address === "object" ? (address?.port ?? 0) : 0;
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/_ping`)).text(), "OK");
  proxy.close();
});

await session.run();

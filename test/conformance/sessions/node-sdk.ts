import assert from "node:assert/strict";
import { PassThrough, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { DockerClient, Filter } from "@docker/node-sdk";
import { Session } from "./session.ts";

/**
 * Left out is what version 0.0.17 asks wrongly, of any daemon: history, archive's HEAD and PUT, connect
 * and disconnect, and the bounds of events.
 */
const docker = await DockerClient.fromDockerHost(
  (process.env["DOCKER_HOST"] ?? "").replace("unix://", "unix:"),
);
const session = new Session("@docker/node-sdk");

async function sleeper(name: string, more: object = {}): Promise<string> {
  const command = { Image: "busybox", Cmd: ["sleep", "1000"] };
  const { Id } = await docker.containerCreate({ ...command, ...more }, { name });
  await docker.containerStart(Id);
  return Id;
}

/** A web stream to write to, and the text that came. */
function sink(): { stream: Parameters<DockerClient["containerExport"]>[1]; said: Promise<string> } {
  const through = new PassThrough();
  return { stream: Writable.toWeb(through), said: text(through) };
}

session.test("ping, version, info and data usage answer", async () => {
  assert.match(await docker.systemPing(), /^1\.\d+$/);
  assert.equal((await docker.systemVersion()).Os, "linux");
  assert.equal((await docker.systemInfo()).OSType, "linux");
  assert.ok((await docker.systemDataUsage()) !== undefined);
});

session.test("a container is created, inspected, listed, waited for and deleted", async () => {
  const { Id } = await docker.containerCreate(
    { Image: "busybox", Cmd: ["sh", "-c", "exit 7"], Labels: { of: "sdk" } },
    { name: "sdk-life" },
  );
  const told = await docker.containerInspect(Id);
  assert.equal(told.Name, "/sdk-life");
  assert.deepEqual(told.Config?.Labels, { of: "sdk" });
  const filters = new Filter().set("label", ["of=sdk"]);
  assert.deepEqual(
    (await docker.containerList({ all: true, filters })).map((one) => one.Id),
    [Id],
  );
  const ended = docker.containerWait(Id, { condition: "not-running" });
  await docker.containerStart(Id);
  await ended;
  assert.equal((await docker.containerWait(Id)).StatusCode, 7);
  await docker.containerDelete(Id);
  await assert.rejects(docker.containerInspect(Id));
});

session.test("logs are told apart by stream", async () => {
  const script = "echo out; echo err >&2";
  const command = { Image: "busybox", Cmd: ["sh", "-c", script] };
  for (const Isolation of ["default", "vm"] as const) {
    const HostConfig = { Isolation } as object;
    const { Id } = await docker.containerCreate({ ...command, HostConfig });
    await docker.containerStart(Id);
    await docker.containerWait(Id);
    const [out, error] = [new PassThrough(), new PassThrough()];
    const both = Promise.all([text(out), text(error)]);
    await docker.containerLogs(Id, out, error, { stdout: true, stderr: true, follow: true });
    out.end();
    error.end();
    assert.deepEqual(await both, ["out\n", "err\n"]);
    await docker.containerDelete(Id);
  }
});

session.test("attach gives what a running container prints until it ends", async () => {
  const id = await sleeper("sdk-attach", {
    Cmd: ["sh", "-c", "while ! test -e /go; do sleep 0.1; done; echo went"],
  });
  const [out, error] = [new PassThrough(), new PassThrough()];
  const said = text(out);
  const options = { stream: true, stdout: true, stderr: true, logs: true };
  const attached = docker.containerAttach(id, out, error, options);
  const made = await docker.containerExec(id, { Cmd: ["touch", "/go"] });
  await docker.execStart(made.Id, new PassThrough(), new PassThrough());
  await attached;
  out.end();
  assert.equal(await said, "went\n");
  await docker.containerWait(id);
  await docker.containerDelete(id);
});

session.test("exec gives its output and its exit code", async () => {
  const id = await sleeper("sdk-exec");
  const made = await docker.containerExec(id, {
    Cmd: ["sh", "-c", "echo out; echo err >&2; exit 3"],
    AttachStdout: true,
    AttachStderr: true,
  });
  const [out, error] = [new PassThrough(), new PassThrough()];
  const both = Promise.all([text(out), text(error)]);
  await docker.execStart(made.Id, out, error);
  out.end();
  error.end();
  assert.deepEqual(await both, ["out\n", "err\n"]);
  assert.equal((await docker.execInspect(made.Id)).ExitCode, 3);
  await docker.containerDelete(id, { force: true });
});

session.test("archives and changes are given", async () => {
  const id = await sleeper("sdk-archive");
  const passwd = sink();
  await docker.containerArchive(id, "/etc/passwd", passwd.stream);
  const archive = await passwd.said;
  assert.match(archive, /^passwd/);
  const made = await docker.containerExec(id, { Cmd: ["touch", "/home/new"], AttachStdout: true });
  await docker.execStart(made.Id, new PassThrough(), new PassThrough());
  assert.ok((await docker.containerChanges(id)).some(({ Path }) => Path === "/home/new"));
  await docker.containerDelete(id, { force: true });
});

session.test("states, processes and figures are as told", async () => {
  const id = await sleeper("sdk-states");
  await docker.containerPause(id);
  assert.equal((await docker.containerInspect(id)).State?.Status, "paused");
  await docker.containerUnpause(id);
  /* A start is answered when the process may run, not when it has become what it is to be. */
  while (!/sleep 1000/.test(JSON.stringify(await docker.containerTop(id)))) continue;
  assert.ok(((await docker.containerStats(id)).memory_stats?.usage ?? 0) > 0);
  await docker.containerRename(id, "sdk-renamed");
  await docker.containerRestart("sdk-renamed", { timeout: 0 });
  await docker.containerKill(id);
  assert.equal((await docker.containerWait(id)).StatusCode, 137);
  await docker.containerDelete(id);
});

session.test("networks and volumes are made, used and deleted", async () => {
  const network = await docker.networkCreate({ Name: "sdk-net", Labels: { of: "sdk" } });
  assert.match(network.Id, /^[0-9a-f]{64}$/);
  const id = await sleeper("sdk-member", { HostConfig: { NetworkMode: "sdk-net" } });
  assert.ok(id in ((await docker.networkInspect("sdk-net")).Containers ?? {}));
  await docker.containerDelete(id, { force: true });
  await docker.networkDelete("sdk-net");
  await docker.volumeCreate({ Name: "sdk-volume" });
  assert.equal((await docker.volumeInspect("sdk-volume")).Driver, "local");
  await docker.volumeDelete("sdk-volume");
});

session.test("images are tagged, listed, described and deleted", async () => {
  await docker.imageTag("busybox", "sdk/tagged", "one");
  const listed = await docker.imageList({ filters: new Filter().set("reference", ["sdk/*"]) });
  assert.deepEqual(listed[0]?.RepoTags, ["sdk/tagged:one"]);
  assert.equal((await docker.imageInspect("sdk/tagged:one")).Os, "linux");
  await docker.imageDelete("sdk/tagged:one");
});

session.test("events come as they happen", async () => {
  // Whether the stream has begun shows only in its first event: something happens until it comes.
  const events = docker.systemEvents();
  const first = events.next();
  const seen = new AbortController();
  void first.then(() => seen.abort(new Error("seen")));
  while (!seen.signal.aborted) {
    const { Id } = await docker.containerCreate({ Image: "busybox" });
    await docker.containerDelete(Id);
  }
  const { value } = await first;
  assert.equal(typeof value === "object" ? value.Type : "", "container");
});

await session.run();

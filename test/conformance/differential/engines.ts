import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DaemonProcess, removeCgroups } from "../../../bench/engines/daemon.ts";
import { DuetError } from "../../../src/kit/errors.ts";
import type { Scope } from "../../../src/kit/scope.ts";
import { programPath, run } from "../../../src/kit/subprocess.ts";
import { imageArchive } from "../../e2e/images.ts";
import { ask } from "./exchange.ts";
import type { Engine } from "./play.ts";
import { idleScript } from "./scenario.ts";

const imageNames = ["busybox", "hello-world"] as const;

/**
 * A real dockerd with data root, sockets and namespaces of its own, ended by `scope`. `root` is the
 * folder its packages were unpacked into, "" for the installed one. Throws `unavailable`
 * DOCKERD_CANNOT_RUN with what it printed.
 */
export async function startDocker(
  root: string,
  folder: string,
  scope: Scope,
  signal: AbortSignal,
): Promise<Engine> {
  await mkdir(folder, { recursive: true });
  const path =
    root === ""
      ? programPath
      : `${root}/usr/sbin:${root}/usr/bin:${root}/usr/libexec/docker:${programPath}`;
  const dockerd = root === "" ? "dockerd" : join(root, "usr/sbin/dockerd");
  const socket = join(folder, "docker.sock");
  const cgroup = `duet-differential-${process.pid}-${folder.split("/").at(-1)}`;
  const settings = {
    "data-root": join(folder, "data"),
    "exec-root": join(folder, "exec"),
    pidfile: join(folder, "docker.pid"),
    host: `unix://${socket}`,
    "cgroup-parent": `/${cgroup}`,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const log = join(folder, "dockerd.log");
  scope.defer(() => removeCgroups(cgroup));
  try {
    const daemon = await DaemonProcess.start([dockerd, ...flags], { socket, path, log }, signal);
    scope.defer(() => daemon[Symbol.asyncDispose]());
    const version = await run(dockerd, ["--version"], { signal, env: { PATH: path } });
    const number = /version ([0-9.]+)/.exec(version.stdout.toString())?.[1] ?? "";
    const engine = { name: `docker ${number}`, socket, folder };
    return { ...engine, settle: (request) => whenShellWaits(engine, request) };
  } catch (cause) {
    const printed = await readFile(log, "utf8").catch(() => "");
    throw new DuetError(
      "unavailable",
      "DOCKERD_CANNOT_RUN",
      `a real dockerd does not run on this host: ${String(cause)} · ${printed.slice(-1_000)}`,
      { cause },
    );
  }
}

const waitMilliseconds = 60_000;

/**
 * Waits after a start until the shell of `idle` has begun its first command: before that a signal is lost and the
 * lists of processes are shorter, on a busy host for a while. Nothing is told to the events by this question.
 */
export async function whenShellWaits({ socket }: Engine, request: string): Promise<void> {
  const name = /^POST \/containers\/([^/?]+)\/(?:re)?start/.exec(request)?.[1];
  if (name === undefined || name.startsWith("{{")) return;
  const path = `/containers/${name}/json`;
  const { status, body } = await ask({ socket, method: "GET", path, headers: {} }).answer;
  if (status !== 200) return;
  const { State, Config } = JSON.parse(body.toString()) as {
    readonly State: { readonly Pid: number };
    readonly Config: { readonly Cmd: readonly string[] | null };
  };
  if (State.Pid === 0 || Config.Cmd?.at(-1) !== idleScript) return;
  const children = `/proc/${State.Pid}/task/${State.Pid}/children`;
  const end = Date.now() + waitMilliseconds;
  while (Date.now() < end && (await readFile(children, "utf8").catch(() => "none")) === "");
}

/** The newest version of the API that both speak. */
export async function newestOfBoth(...engines: readonly Engine[]): Promise<string> {
  const minors = await Promise.all(
    engines.map(async ({ socket }) => {
      const { answer } = ask({ socket, method: "GET", path: "/version", headers: {} });
      const { ApiVersion } = JSON.parse((await answer).body.toString()) as { ApiVersion: string };
      return Number(ApiVersion.split(".")[1]);
    }),
  );
  return `1.${Math.min(...minors)}`;
}

/** Gives an engine the images that scenarios use. */
export async function loadImages(engine: Engine): Promise<void> {
  for (const name of imageNames) {
    const { answer } = ask({
      socket: engine.socket,
      method: "POST",
      path: "/images/load?quiet=1",
      headers: { "Content-Type": "application/x-tar" },
      body: await readFile(await imageArchive(name)),
    });
    const { status, body } = await answer;
    if (status !== 200) throw new Error(`${engine.name} did not load ${name}: ${body.toString()}`);
  }
}

/** Removes all that a scenario left, but for the images every scenario starts with. */
export async function cleanUp(engine: Engine): Promise<void> {
  const call = async (method: string, path: string): Promise<{ status: number; text: string }> => {
    const { answer } = ask({ socket: engine.socket, method, path, headers: {} });
    const { status, body } = await answer;
    return { status, text: body.toString() };
  };
  const list = async <T>(path: string): Promise<T> =>
    JSON.parse((await call("GET", path)).text) as T;
  for (const { Id } of await list<{ Id: string }[]>("/containers/json?all=1"))
    await call("DELETE", `/containers/${Id}?force=1&v=1`);
  for (const { Id, Name } of await list<{ Id: string; Name: string }[]>("/networks"))
    if (!["bridge", "host", "none"].includes(Name)) await call("DELETE", `/networks/${Id}`);
  const { Volumes } = await list<{ Volumes: { Name: string }[] | null }>("/volumes");
  for (const { Name } of Volumes ?? []) await call("DELETE", `/volumes/${Name}?force=1`);
  const kept = new Set(imageNames.map((name) => `${name}:latest`));
  let present = 0;
  for (const image of await list<{ Id: string; RepoTags: string[] | null }[]>("/images/json")) {
    const tags = image.RepoTags ?? [];
    for (const tag of tags) {
      if (kept.has(tag)) present += 1;
      else if (!tag.startsWith("<none>")) await call("DELETE", `/images/${tag}?force=1`);
    }
    if (tags.every((tag) => tag.startsWith("<none>")))
      await call("DELETE", `/images/${image.Id}?force=1`);
  }
  if (present < imageNames.length) await loadImages(engine);
}

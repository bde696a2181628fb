import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { programPath, run } from "../../src/kit/subprocess.ts";
import { DaemonProcess, processTree } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";

/**
 * A real dockerd. `root` is a folder into which its packages were unpacked ("" for the installed
 * one): its own containerd, runc and proxy are found there first.
 */
export async function startDocker(root: string, options: EngineOptions): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await mkdir(folder, { recursive: true });
  const path =
    root === ""
      ? programPath
      : `${root}/usr/sbin:${root}/usr/bin:${root}/usr/libexec/docker:${programPath}`;
  const dockerd = root === "" ? "dockerd" : join(root, "usr/sbin/dockerd");
  const socket = join(folder, "docker.sock");
  const daemon = await DaemonProcess.start(
    [
      dockerd,
      "--data-root",
      join(folder, "data"),
      "--exec-root",
      join(folder, "exec"),
      "--pidfile",
      join(folder, "docker.pid"),
      "--host",
      `unix://${socket}`,
    ],
    { socket, path, log: join(folder, "dockerd.log") },
    signal,
  );
  const version = await run(dockerd, ["--version"], { signal, env: { PATH: path } });
  const number = /version ([0-9.]+)/.exec(version.stdout.toString())?.[1] ?? "";
  return {
    name: `docker ${number}`,
    socket,
    processes: async () => {
      const pid = Number(await readFile(join(folder, "docker.pid"), "utf8"));
      return await processTree(pid);
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

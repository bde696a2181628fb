import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DaemonProcess, processTree } from "./daemon.ts";
import type { EngineOptions, MeasuredEngine } from "./engine.ts";

const launcher = join(import.meta.dirname, "../../bin/duetd");

export async function startDuet(
  options: EngineOptions,
  daemonArguments: readonly string[] = [],
): Promise<MeasuredEngine> {
  const { folder, signal } = options;
  await mkdir(folder, { recursive: true });
  const run = join(folder, "run");
  const socket = join(run, "docker.sock");
  const daemon = await DaemonProcess.start(
    [launcher, "--data-root", join(folder, "data"), "--run-dir", run, ...daemonArguments],
    { socket, log: join(folder, "duetd.log") },
    signal,
  );
  return {
    name: "duet",
    socket,
    processes: async () => {
      const pid = Number(await readFile(join(run, "duetd.pid"), "utf8"));
      return await processTree(pid);
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

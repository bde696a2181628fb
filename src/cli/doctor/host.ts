import { access, constants, open, readFile, readdir, statfs } from "node:fs/promises";
import { release } from "node:os";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { Duet } from "../../client/duet.ts";
import { withDeadline } from "../../kit/abort.ts";
import { run } from "../../kit/subprocess.ts";
import type { DaemonFacts, Host } from "./finding.ts";

/** Some programs exit with 1 after printing their version. */
const programMilliseconds = 5_000;
const daemonMilliseconds = 3_000;

/** The host that this process runs on. `host` and `dataRoot` say which daemon is asked, as for any command. */
export function thisHost(
  sources: { readonly host?: string | undefined; readonly dataRoot?: string | undefined },
  signal: AbortSignal,
): Host {
  let daemon: Promise<DaemonFacts | undefined> | undefined;
  const duet = new Duet({ ...sources, start: false });
  return {
    signal,
    kernel: release(),
    dataRoot: duet.settings.dataRoot,
    read: (path) => readFile(path, "utf8").catch(() => undefined),
    exists: (path) => access(path).then(yes, no),
    list: (path) => readdir(path).catch(() => []),
    output: (program, ...args) => output(program, args, signal),
    space,
    readCompressed: (path) =>
      readFile(path)
        .then(async (bytes) => (await unpack(bytes)).toString("utf8"))
        .catch(() => undefined),
    canOpen,
    daemon: () => (daemon ??= askDaemon(duet, signal)),
    runs,
  };
}

const unpack = promisify(gunzip);
const yes = (): boolean => true;
const no = (): boolean => false;

async function output(
  program: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    const deadline = withDeadline(signal, programMilliseconds, program);
    const result = await run(program, args, { signal: deadline, okCodes: "any" });
    const said = result.stdout.length === 0 ? result.stderr : result.stdout.toString("utf8");
    return said === "" ? undefined : said;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

/** Of the nearest folder above that exists: a data root is made by the first daemon. */
async function space(path: string): Promise<{ free: number; total: number }> {
  try {
    const facts = await statfs(path);
    return { free: facts.bavail * facts.bsize, total: facts.blocks * facts.bsize };
  } catch (error) {
    if (path === "/") throw error;
    return space(dirname(path));
  }
}

async function canOpen(path: string): Promise<boolean> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    await file.close();
    return true;
  } catch {
    return false;
  }
}

async function runs(pidFile: string): Promise<boolean> {
  const pid = Number((await readFile(pidFile, "utf8").catch(() => "")).trim());
  return pid > 0 && (await access(`/proc/${pid}`).then(yes, no));
}

async function askDaemon(duet: Duet, signal: AbortSignal): Promise<DaemonFacts | undefined> {
  const deadline = withDeadline(signal, daemonMilliseconds, "the daemon's answer");
  try {
    const { Version } = await duet.system.version(deadline);
    const { runtimes } = await duet.transport.json<Partial<DaemonFacts>>({
      method: "GET",
      path: "/duet/v1/info",
      signal: deadline,
    });
    return { version: Version, runtimes: runtimes ?? [] };
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

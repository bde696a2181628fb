import { spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  watch,
  type FSWatcher,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { never, race, withDeadline } from "../kit/abort.ts";
import { DuetError } from "../kit/errors.ts";
import { minimalEnvironment } from "../kit/subprocess.ts";
import { dial } from "./connection.ts";
import type { Settings } from "./settings.ts";

const readyMilliseconds = 60_000;
/** Exit code by which flock(1) says that another start holds the lock. */
const lockHeld = 75;

export interface LaunchHooks {
  /** Called once, when a daemon is about to be started. */
  starting?(): void;
}

/**
 * Starts `bin/duetd` detached and resolves when it answers on its socket. One lock file
 * (`start.lock` in the run folder, flock(2), held as long as the daemon lives) lets only one of
 * several callers start it; the others wait for the same socket. The wait ends by an inotify event
 * of the socket's folder, never by polling.
 *
 * Throws `denied` NEEDS_ROOT, `unavailable` DAEMON_MISSING or DAEMON_START_FAILED (with the end of
 * its log), `timeout`.
 */
export async function launchDaemon(
  settings: Settings,
  signal: AbortSignal | undefined,
  hooks: LaunchHooks = {},
): Promise<void> {
  if (process.geteuid?.() !== 0) throw needsRoot(settings);
  const deadline = withDeadline(signal ?? never, readyMilliseconds, "starting the daemon");
  mkdirSync(settings.runFolder, { recursive: true, mode: 0o755 });
  mkdirSync(dirname(settings.socketPath), { recursive: true, mode: 0o755 });
  hooks.starting?.();
  const logPath = join(settings.runFolder, "duetd.log");
  using answer = new SocketWatch(settings.socketPath);
  const logStart = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
  const child = spawnDaemon(settings, logPath);
  try {
    const failed = exitOf(child).then((code) =>
      answer.afterExit(code, () => startFailed(code, logPath, logStart)),
    );
    await race(Promise.race([answer.promise, failed]), deadline);
  } finally {
    child.unref();
  }
}

function spawnDaemon(settings: Settings, logPath: string): ChildProcess {
  const log = openSync(logPath, "a", 0o600);
  try {
    const lock = join(settings.runFolder, "start.lock");
    const lockArguments = [
      "--no-fork",
      "--nonblock",
      "--conflict-exit-code",
      String(lockHeld),
      lock,
    ];
    return spawn("flock", [...lockArguments, daemonProgram(), ...settings.daemonArguments], {
      detached: true,
      stdio: ["ignore", log, log],
      env: minimalEnvironment(forwardedEnvironment()),
      cwd: "/",
    });
  } finally {
    closeSync(log);
  }
}

function forwardedEnvironment(): Record<string, string> {
  const names = [
    "DUET_FAILPOINTS",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "TMPDIR",
  ];
  const entries = names.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

/** `bin/duetd` of the tree or bundle that this file belongs to. */
export function daemonProgram(): string {
  for (let folder = import.meta.dirname; folder !== "/"; folder = dirname(folder)) {
    const candidate = join(folder, "bin", "duetd");
    if (existsSync(candidate)) return candidate;
  }
  throw new DuetError(
    "unavailable",
    "DAEMON_MISSING",
    "cannot start the daemon · bin/duetd is not beside this client",
  );
}

/** Resolves `promise` when a connection to the socket succeeds; tries at each change of its folder. */
class SocketWatch implements Disposable {
  readonly promise: Promise<void>;
  private readonly watcher: FSWatcher;
  private readonly socketPath: string;
  private readonly resolve: () => void;

  constructor(socketPath: string) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.promise = promise;
    this.resolve = resolve;
    this.socketPath = socketPath;
    this.watcher = watch(dirname(socketPath), (_event, name) => {
      if (name === null || name === basename(socketPath) || name.endsWith(".pid"))
        void this.attempt();
    });
    void this.attempt();
  }

  async attempt(): Promise<boolean> {
    try {
      (await dial(this.socketPath)).destroy();
      this.resolve();
      return true;
    } catch {
      return false;
    }
  }

  /** What the end of the started process means: another start is under way, or failure. */
  async afterExit(code: number, failure: () => DuetError): Promise<void> {
    if (code === lockHeld) return await this.promise;
    if (!(await this.attempt())) throw failure();
  }

  [Symbol.dispose](): void {
    this.watcher.close();
  }
}

async function exitOf(child: ChildProcess): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  child.once("exit", (code) => resolve(code ?? 128));
  child.once("error", (cause) => {
    const message = `cannot start the daemon · ${cause.message}`;
    reject(
      new DuetError("unavailable", "DAEMON_START_FAILED", message, {
        cause,
        hint: "install util-linux",
      }),
    );
  });
  return await promise;
}

function startFailed(code: number, logPath: string, logStart: number): DuetError {
  const end = readFileSync(logPath)
    .subarray(logStart)
    .toString("utf8")
    .trim()
    .split("\n")
    .slice(-8)
    .join("\n");
  return new DuetError(
    "unavailable",
    "DAEMON_START_FAILED",
    `cannot start the daemon · it ended with exit code ${code}: ${end} · log ${logPath}`,
    { hint: "run `duet doctor` to see what this host lacks" },
  );
}

function needsRoot(settings: Settings): DuetError {
  return new DuetError(
    "denied",
    "NEEDS_ROOT",
    `no Duet daemon answers and starting one needs root · ${settings.socketPath}`,
    { hint: "run it as root (sudo), or start the service: systemctl start duet" },
  );
}

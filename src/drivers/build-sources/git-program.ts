import { spawn } from "node:child_process";
import { chown, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuetError, errnoOf } from "../../kit/errors.ts";
import { minimalEnvironment } from "../../kit/subprocess.ts";

/** Nobody's: git reads what a stranger's server sends. */
const nobody = 65_534;
const mostText = 1 << 20;
/** Below the folder; it belongs to nobody's repository. */
export const attributesFile = ".git/info/attributes";
const patienceMilliseconds = 30 * 60_000;

/** How git reaches a server. */
export interface GitReach {
  /** `host:port:address`, so that git asks no name server what was checked before. */
  readonly resolved: readonly string[];
  /** URL of an HTTP proxy, or "". */
  readonly proxy: string;
  readonly authorization: string | null;
  readonly sshSocket: string | null;
  /** The address that was checked and is to be used over ssh or git's own protocol, and the name it belongs to. */
  readonly pinned: { readonly address: string; readonly name: string } | null;
}

/**
 * git in a folder of its own, as nobody, without the host's configuration, hooks, helpers, prompts and every protocol but
 * those of a URL. Disposing removes the folder.
 */
export class GitFolder implements AsyncDisposable {
  readonly path: string;
  private readonly reach: GitReach;

  private constructor(path: string, reach: GitReach) {
    this.path = path;
    this.reach = reach;
  }

  static async make(reach: GitReach): Promise<GitFolder> {
    const path = await mkdtemp(join(tmpdir(), "duet-git-"));
    await chown(path, nobody, nobody);
    if (reach.sshSocket !== null) await chown(reach.sshSocket, nobody, nobody);
    return new GitFolder(path, reach);
  }

  /** What it prints, as text. Throws `unavailable` GIT_FAILED with the end of its messages. */
  async text(words: readonly string[], signal: AbortSignal): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const chunk of this.output(words, signal)) {
      size += chunk.length;
      if (size > mostText) throw failed(words, "it prints too much");
      parts.push(chunk);
    }
    return Buffer.concat(parts).toString("utf8");
  }

  /** What it prints, as it comes; fails at the end where git does. */
  async *output(words: readonly string[], signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    yield* this.program("git", [...guards, ...words], words, signal);
  }

  /** A tar of `name` in the folder, its files nobody's. */
  async *pack(name: string, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
    yield* this.program("tar", ["-cf", "-", "--", name], ["pack"], signal);
  }

  /** Makes it an empty repository, where attributes of a tree leave nothing out of archives (gitattributes(5)). */
  async init(signal: AbortSignal): Promise<void> {
    await this.text(["init", "--quiet", "--template=", "."], signal);
    await mkdir(join(this.path, ".git/info"));
    await writeFile(join(this.path, attributesFile), "* -export-ignore -export-subst\n", {
      flag: "wx",
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }

  private async *program(
    program: string,
    argv: readonly string[],
    shown: readonly string[],
    signal: AbortSignal,
  ): AsyncGenerator<Buffer, void, void> {
    const until = AbortSignal.any([signal, AbortSignal.timeout(patienceMilliseconds)]);
    const child = spawn(program, argv, {
      cwd: this.path,
      env: this.environment(),
      stdio: ["ignore", "pipe", "pipe"],
      uid: nobody,
      gid: nobody,
      detached: true,
    });
    let messages = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      messages = (messages + text).slice(-4_000);
    });
    const { promise: exited, resolve, reject } = Promise.withResolvers<number>();
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? -1));
    exited.catch(() => undefined);
    /* Its helpers (ssh, git-remote-https) are in its process group. */
    const kill = (): void => killGroup(child.pid);
    until.addEventListener("abort", kill, { once: true });
    try {
      for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
      const code = await exited;
      until.throwIfAborted();
      if (code !== 0) throw failed(shown, messages.trim().slice(-600));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") throw missing(program);
      throw error;
    } finally {
      until.removeEventListener("abort", kill);
      kill();
      child.stdout.destroy();
    }
  }

  private environment(): Record<string, string> {
    const { authorization, pinned, proxy, resolved, sshSocket } = this.reach;
    const settings: (readonly [string, string])[] = [
      ...resolved.map((each): readonly [string, string] => ["http.curloptResolve", each]),
      ...(proxy === "" ? [] : [["http.proxy", proxy] as const]),
      ...(authorization === null
        ? []
        : [["http.extraHeader", `Authorization: ${authorization}`] as const]),
    ];
    const pairs = settings.flatMap(([key, value], index): [string, string][] => [
      [`GIT_CONFIG_KEY_${index}`, key],
      [`GIT_CONFIG_VALUE_${index}`, value],
    ]);
    return minimalEnvironment({
      HOME: this.path,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_TERMINAL_PROMPT: "0",
      GIT_ASKPASS: "/bin/false",
      GIT_ALLOW_PROTOCOL: "http:https:git:ssh",
      GIT_SSH_COMMAND: `ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=${this.path}/known_hosts${pinned === null ? "" : ` -o HostName=${pinned.address}`}`,
      ...(pinned === null ? {} : { GIT_OVERRIDE_VIRTUAL_HOST: pinned.name }),
      ...(sshSocket === null ? {} : { SSH_AUTH_SOCK: sshSocket }),
      GIT_CONFIG_COUNT: String(settings.length),
      ...Object.fromEntries(pairs),
    });
  }
}

/** Said on the command line, where no configuration of a repository can take it back. */
const guards: readonly string[] = [
  ...["-c", "core.hooksPath=/dev/null"],
  ...["-c", "core.fsmonitor=false"],
  ...["-c", "credential.helper="],
  ...["-c", "http.followRedirects=false"],
  ...["-c", "fetch.fsckObjects=true"],
  ...["-c", "transfer.fsckObjects=true"],
  ...["-c", "fetch.fsck.zeroPaddedFilemode=ignore"],
  ...["-c", "fetch.fsck.missingSpaceBeforeDate=ignore"],
  ...["-c", "fetch.fsck.badTimezone=ignore"],
  ...["-c", "transfer.bundleURI=false"],
  ...["-c", "gc.auto=0"],
  ...["-c", "maintenance.auto=false"],
  ...["-c", "safe.directory=*"],
];

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function failed(words: readonly string[], why: string): DuetError {
  return new DuetError("unavailable", "GIT_FAILED", `git ${words[0] ?? ""} failed: ${why}`);
}

function missing(program: string): DuetError {
  return new DuetError("unavailable", "PROGRAM_MISSING", `no program ${program} on this host`, {
    hint: `install ${program}`,
  });
}

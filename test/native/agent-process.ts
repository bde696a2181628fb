import { execFile, spawn, type ChildProcess } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import type { Field, WorkloadLink } from "../../src/domain/shim.ts";
import { createLink } from "../../src/drivers/shim/link.ts";
import { fieldTag, messageType, protocolVersion } from "../../src/spec/workload.ts";

const native = resolve(import.meta.dirname, "../../native");
const binary = resolve(native, "../build/native/asan/duet-agent");
let built: Promise<unknown> | undefined;

function build(): Promise<unknown> {
  built ??= promisify(execFile)("make", ["-s", "-C", native, binary]);
  return built;
}

/** The agent built with the sanitizers, as a plain process that serves a socket pair and a folder. */
export class AgentProcess implements AsyncDisposable {
  readonly folder: string;
  readonly port: Duplex;
  private readonly child: ChildProcess;
  private readonly words: Buffer[] = [];
  private readonly ended: Promise<number | null>;

  private constructor(folder: string) {
    this.folder = folder;
    this.child = spawn(binary, ["--serve", "3", join(folder, "root")], {
      stdio: ["ignore", "ignore", "pipe", "pipe"],
      env: { ASAN_OPTIONS: "detect_leaks=0:abort_on_error=0:exitcode=99", PATH: "/bin:/usr/bin" },
    });
    this.port = this.child.stdio[3] as Duplex;
    this.port.on("error", () => undefined);
    this.child.stderr?.on("data", (chunk: Buffer) => this.words.push(chunk));
    this.ended = new Promise((done) => this.child.once("exit", done));
  }

  static async start(): Promise<AgentProcess> {
    await build();
    const folder = await mkdtemp("/tmp/dag-");
    for (const name of ["bin", "etc", "tmp"])
      await mkdir(join(folder, "root", name), { recursive: true });
    await copyFile("/bin/busybox", join(folder, "root/bin/busybox"));
    for (const name of ["sh", "cat", "true", "sleep", "echo", "id"])
      await symlink("busybox", join(folder, "root/bin", name));
    const passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000:Ada:/home/ada:/bin/sh\n";
    await writeFile(join(folder, "root/etc/passwd"), passwd);
    await writeFile(join(folder, "root/etc/group"), "root:x:0:\nada:x:1000:\nstaff:x:50:ada\n");
    return new AgentProcess(folder);
  }

  link(): WorkloadLink {
    return createLink(this.port);
  }

  /** What the sanitizers and the agent itself said, after it has ended: exit code and stderr. */
  async end(): Promise<{ readonly code: number | null; readonly words: string }> {
    this.port.destroy();
    AbortSignal.timeout(60_000).addEventListener("abort", () => this.child.kill("SIGKILL"));
    const code = await this.ended;
    return { code, words: Buffer.concat(this.words).toString("utf8") };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await rm(this.folder, { recursive: true, force: true });
  }
}

export const limit = (): AbortSignal => AbortSignal.timeout(120_000);

export async function hello(link: WorkloadLink) {
  return await link.request(messageType.hello, [[fieldTag.version, protocolVersion]], limit());
}

export const disk: Field = [fieldTag.disk, [[fieldTag.size, 0]]];

/** CREATE's or EXEC's fields of a command. */
export function command(argv: readonly string[], more: readonly Field[] = []): readonly Field[] {
  return [
    ...argv.map((word): Field => [fieldTag.argument, word]),
    [fieldTag.environment, "PATH=/bin"],
    [fieldTag.capabilities, 0xa80425fbn],
    ...more,
  ];
}

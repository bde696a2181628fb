import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { never } from "../../src/kit/abort.ts";
import { run, type RunResult } from "../../src/kit/subprocess.ts";
import { bringClients, type ClientAge } from "../../tools/clients/bring.ts";
import type { TestDaemon } from "../e2e/daemon.ts";
import { follow, type Followed } from "./follow.ts";

const commandMilliseconds = 300_000;

export interface ClientOptions {
  /** Its whole input. */
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Docker's own client programs of one age, unmodified, beside a daemon on its host. */
export class DockerClients {
  readonly daemon: TestDaemon;
  readonly age: ClientAge;
  /** The tree with the client's usr/bin. */
  readonly tree: string;
  private readonly settings: string;

  private constructor(daemon: TestDaemon, age: ClientAge, tree: string) {
    this.daemon = daemon;
    this.age = age;
    this.tree = tree;
    this.settings = join(daemon.folder, `docker-config-${age}`);
  }

  static async of(daemon: TestDaemon, age: ClientAge): Promise<DockerClients> {
    const tree = await bringClients(age, { fresh: false, signal: never });
    const clients = new DockerClients(daemon, age, tree);
    const plugins = join(clients.settings, "cli-plugins");
    await mkdir(plugins, { recursive: true });
    for (const plugin of ["docker-compose", "docker-buildx"]) {
      await symlink(join(tree, "usr/libexec/docker/cli-plugins", plugin), join(plugins, plugin));
    }
    return clients;
  }

  get environment(): Record<string, string> {
    return { DOCKER_HOST: `unix://${this.daemon.socket}`, DOCKER_CONFIG: this.settings };
  }

  /** `docker ARGS`; throws where it fails, gives what it printed. */
  async docker(...args: string[]): Promise<string> {
    return (await this.succeed(args)).stdout.toString();
  }

  /** `docker ARGS` with both outputs; throws where it fails. */
  async succeed(args: readonly string[], options: ClientOptions = {}): Promise<RunResult> {
    const result = await this.attempt(args, options);
    const said = `docker ${args.join(" ")}: ${result.code}: ${result.stderr}`;
    assert.equal(result.code, 0, said);
    return result;
  }

  /** `docker ARGS` with any exit code. */
  async attempt(args: readonly string[], options: ClientOptions = {}): Promise<RunResult> {
    return await this.program(join(this.tree, "usr/bin/docker"), args, options);
  }

  /** `docker ARGS` while it runs. */
  follow(args: readonly string[], options: ClientOptions = {}): Followed {
    const program = join(this.tree, "usr/bin/docker");
    return follow(this.daemon.hostCommand(program, ...args), {
      ...options,
      env: { ...this.environment, ...options.env },
    });
  }

  /** docker-compose 1.29, a program in Python, of Debian 12. */
  async composeOne(args: readonly string[], options: ClientOptions = {}): Promise<RunResult> {
    const env = { ...options.env, PYTHONPATH: join(this.tree, "usr/lib/python3/dist-packages") };
    const words = [join(this.tree, "usr/bin/docker-compose"), ...args];
    return await this.program("/usr/bin/python3", words, { ...options, env });
  }

  /** `docker ARGS` on a terminal of its own; `typed` goes into it. Gives what the terminal showed. */
  async onTerminal(args: readonly string[], typed = ""): Promise<RunResult> {
    const quoted = [join(this.tree, "usr/bin/docker"), ...args].map(
      (word) => `'${word.replaceAll("'", `'\\''`)}'`,
    );
    const words = ["-qec", quoted.join(" "), "/dev/null"];
    return await this.program("script", words, { input: typed });
  }

  /** Any program on the daemon's host, told of the daemon by its environment. */
  async program(
    name: string,
    args: readonly string[],
    options: ClientOptions = {},
  ): Promise<RunResult> {
    const [enter, ...words] = this.daemon.hostCommand(name, ...args);
    return await run(enter, words, {
      signal: AbortSignal.timeout(commandMilliseconds),
      okCodes: "any",
      env: { ...this.environment, ...options.env },
      ...(options.input === undefined ? {} : { input: options.input }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  }
}

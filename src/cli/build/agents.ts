import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { DuetError } from "../../kit/errors.ts";
import { reasonOf } from "../../kit/errors.ts";
import type { Scope } from "../../kit/scope.ts";
import { minimalEnvironment, run } from "../../kit/subprocess.ts";
import { usageError } from "../flags.ts";

const largestKey = 64 << 10;

/**
 * `default`, `ID=SOCKET`, or `ID=KEY[,KEY]` with files of private keys, for which an agent runs until the scope ends: ids with their
 * agents' sockets. Throws `invalid` SSH_AGENT.
 */
export async function sshAgents(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  scope: Scope,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const agents = new Map<string, string>();
  for (const word of words) {
    const [id = "", places = environment["SSH_AUTH_SOCK"] ?? ""] = word.split(/=(.*)/s);
    const paths = places.split(",").filter((path) => path !== "");
    agents.set(
      id,
      await agentOf(
        paths.map((path) => resolve(path)),
        scope,
        signal,
      ),
    );
  }
  return agents;
}

async function agentOf(
  paths: readonly string[],
  scope: Scope,
  signal: AbortSignal,
): Promise<string> {
  const [first] = paths;
  if (first === undefined) {
    throw usageError(
      "SSH_AGENT",
      "no ssh agent: SSH_AUTH_SOCK is not set",
      "start one, or name its socket or files of keys",
    );
  }
  const keys: Buffer[] = [];
  for (const path of paths) {
    const stats = await readable(path, stat(path));
    if (stats.isSocket() && paths.length === 1) return path;
    if (stats.isSocket()) throw usageError("SSH_AGENT", `an agent's socket goes alone · ${path}`);
    if (!stats.isFile() || stats.size > largestKey)
      throw usageError("SSH_AGENT", `neither an agent's socket nor a private key · ${path}`);
    keys.push(await readable(path, readFile(path)));
  }
  const socket = await startAgent(scope, signal);
  for (const [index, key] of keys.entries()) await addKey(socket, key, paths[index]!, signal);
  return socket;
}

async function readable<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const why = reasonOf(error) ?? "it cannot be read";
    throw usageError("SSH_AGENT", `no ssh agent or key · ${why} · ${path}`);
  }
}

/** Gives the socket of an agent without keys. */
async function startAgent(scope: Scope, signal: AbortSignal): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "duet-agent-"));
  scope.defer(() => rm(folder, { recursive: true, force: true }));
  const socket = join(folder, "agent.sock");
  const agent = spawn("ssh-agent", ["-D", "-a", socket], {
    env: minimalEnvironment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  const ended = once(agent, "close").catch(() => undefined);
  scope.defer(async () => {
    agent.kill();
    await ended;
  });
  const failed = once(agent, "exit", { signal });
  try {
    /* It prints its socket once it listens there. */
    const isReady = await Promise.race([
      once(agent.stdout, "data", { signal }).then(() => true),
      failed.then(() => false),
    ]);
    failed.catch(() => undefined);
    if (isReady) return socket;
  } catch (error) {
    signal.throwIfAborted();
    throw notStarted(error);
  }
  throw notStarted(undefined);
}

function notStarted(cause: unknown): DuetError {
  return usageError(
    "SSH_AGENT",
    `no ssh-agent can be started for the keys · ${reasonOf(cause) ?? "it ended"}`,
    "install OpenSSH's client, or name an agent's socket",
  );
}

/** By standard input: a key that others may read is the caller's affair, as with Docker. */
async function addKey(
  socket: string,
  key: Buffer,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const env = { SSH_AUTH_SOCK: socket, SSH_ASKPASS_REQUIRE: "never" };
  try {
    await run("ssh-add", ["-q", "-"], { signal, env, input: key });
  } catch {
    signal.throwIfAborted();
    throw usageError(
      "SSH_AGENT",
      `not a private key without a passphrase · ${path}`,
      "start ssh-agent, add the key there, and name its socket",
    );
  }
}

import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { run, type RunResult } from "../src/kit/subprocess.ts";

/** What drives an engine: the docker client, or an engine's own. Both take Docker's verbs and flags. */
export interface EngineClient {
  /** Runs one command to its end. Throws where it fails. */
  call(...args: string[]): Promise<RunResult>;
  /** Its trimmed output. */
  text(...args: string[]): Promise<string>;
  /** The same client, for as long as another signal says. */
  until(signal: AbortSignal): EngineClient;
  /** The same client with more variables in its environment. */
  with(env: Readonly<Record<string, string>>): EngineClient;
}

const outputLimit = 64 << 20;

/** A client from the words before its verb, such as `docker --host unix:///run/x.sock`. */
export function createClient(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
): EngineClient {
  const [program = "", ...prefix] = words;
  const call = (...args: string[]): Promise<RunResult> =>
    run(program, [...prefix, ...args], { signal, env, maxOutput: outputLimit });
  return {
    call,
    text: async (...args) => (await call(...args)).stdout.toString().trim(),
    until: (other) => createClient(words, env, other),
    with: (more) => createClient(words, { ...env, ...more }, signal),
  };
}

/** Writes into `folder` a configuration by which the docker client finds the plugins that came with it. */
export async function configureClient(folder: string, dockerClient: string): Promise<void> {
  const plugins = join(dirname(dockerClient), "../libexec/docker/cli-plugins");
  const settings = { cliPluginsExtraDirs: [plugins] };
  await writeFile(join(folder, "config.json"), JSON.stringify(settings));
}

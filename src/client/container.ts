import type { ContainerInspect } from "./api-types.ts";
import type { Containers } from "./containers.ts";
import type { LogsQuery, StopQuery } from "./queries.ts";
import { Execs, type ExecOptions, type ExecResult } from "./execs.ts";
import type { OutputPiece } from "./output-frames.ts";
import type { Transport } from "./transport.ts";

/**
 * One container. Disposing it (`await using`) removes it with its anonymous volumes, running or not;
 * one that is gone already is fine.
 */
export class Container implements AsyncDisposable {
  readonly id: string;
  private readonly containers: Containers;
  private readonly transport: Transport;

  constructor(containers: Containers, transport: Transport, id: string) {
    this.containers = containers;
    this.transport = transport;
    this.id = id;
  }

  async inspect(signal?: AbortSignal): Promise<ContainerInspect> {
    return await this.containers.inspect(this.id, false, signal);
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.containers.start(this.id, {}, signal);
  }

  async stop(query: StopQuery = {}, signal?: AbortSignal): Promise<void> {
    await this.containers.stop(this.id, query, signal);
  }

  async kill(signalName?: string, signal?: AbortSignal): Promise<void> {
    await this.containers.kill(this.id, signalName, signal);
  }

  /** Resolves with the exit code once it does not run. */
  async wait(signal?: AbortSignal): Promise<number> {
    const { exit } = await this.containers.wait(this.id, "not-running", signal);
    return (await exit).StatusCode;
  }

  /** Everything printed so far, or with `follow` until it ends. */
  logs(query: LogsQuery = {}, signal?: AbortSignal): AsyncGenerator<OutputPiece, void, undefined> {
    return this.containers.logs(this.id, { stdout: true, stderr: true, ...query }, signal);
  }

  /** Runs a command inside to its end. */
  async exec(
    command: readonly string[],
    options: ExecOptions = {},
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    return await new Execs(this.transport).run(this.id, command, options, signal);
  }

  /** The IPv4 address on `network`, or on the first that has one; "" when it does not run. */
  async address(network?: string, signal?: AbortSignal): Promise<string> {
    const networks = (await this.inspect(signal)).NetworkSettings.Networks ?? {};
    const endpoints = network === undefined ? Object.values(networks) : [networks[network]];
    return endpoints.find((endpoint) => endpoint?.IPAddress)?.IPAddress ?? "";
  }

  async remove(signal?: AbortSignal): Promise<void> {
    await this.containers.remove(this.id, { force: true, volumes: true }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.remove();
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Error && "class" in error && error.class === "not-found";
}

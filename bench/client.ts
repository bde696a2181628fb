import { run, type RunResult } from "../src/kit/subprocess.ts";

/** The one docker client that drives every engine, so that its own cost is the same for all. */
export class DockerClient {
  private readonly binary: string;
  private readonly socket: string;
  private readonly signal: AbortSignal;

  constructor(binary: string, socket: string, signal: AbortSignal) {
    this.binary = binary;
    this.socket = socket;
    this.signal = signal;
  }

  async call(...args: string[]): Promise<RunResult> {
    return await run(this.binary, ["--host", `unix://${this.socket}`, ...args], {
      signal: this.signal,
      env: { DOCKER_CONFIG: "/nonexistent" },
      maxOutput: 64 << 20,
    });
  }

  async text(...args: string[]): Promise<string> {
    return (await this.call(...args)).stdout.toString().trim();
  }
}

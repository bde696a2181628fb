import type { ExecCreateBody, ExecInspect } from "./api-types.ts";
import { Attachment } from "./attachment.ts";
import { withSignal } from "./with-signal.ts";
import { pathOf, type Transport } from "./transport.ts";

export interface ExecOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDirectory?: string;
  readonly input?: Uint8Array;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/** `/exec` of the API: further processes in a running container. */
export class Execs {
  private readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
  }

  async create(container: string, body: ExecCreateBody, signal?: AbortSignal): Promise<string> {
    const path = `${pathOf("containers", container)}/exec`;
    const call = { method: "POST", path, json: body, ...withSignal(signal) } as const;
    return (await this.transport.json<{ readonly Id: string }>(call)).Id;
  }

  /** Starts it with its streams on this connection. */
  async attach(
    id: string,
    body: { readonly Tty?: boolean; readonly ConsoleSize?: readonly [number, number] } = {},
    signal?: AbortSignal,
  ): Promise<Attachment> {
    const path = `${pathOf("exec", id)}/start`;
    const json = { Detach: false, ...body };
    return new Attachment(
      await this.transport.hijack({ method: "POST", path, json, ...withSignal(signal) }),
    );
  }

  /** Starts it and lets it go. */
  async detach(
    id: string,
    body: { readonly Tty?: boolean } = {},
    signal?: AbortSignal,
  ): Promise<void> {
    const path = `${pathOf("exec", id)}/start`;
    await this.transport.done({
      method: "POST",
      path,
      json: { Detach: true, ...body },
      ...withSignal(signal),
    });
  }

  async inspect(id: string, signal?: AbortSignal): Promise<ExecInspect> {
    return await this.transport.json({
      method: "GET",
      path: `${pathOf("exec", id)}/json`,
      ...withSignal(signal),
    });
  }

  async resize(id: string, rows: number, columns: number, signal?: AbortSignal): Promise<void> {
    const path = `${pathOf("exec", id)}/resize`;
    await this.transport.done({
      method: "POST",
      path,
      query: { h: rows, w: columns },
      ...withSignal(signal),
    });
  }

  /** Runs `command` to its end and collects what it prints. */
  async run(
    container: string,
    command: readonly string[],
    options: ExecOptions,
    signal?: AbortSignal,
  ): Promise<ExecResult> {
    const env = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
    const body: ExecCreateBody = {
      Cmd: [...command],
      AttachStdin: options.input !== undefined,
      AttachStdout: true,
      AttachStderr: true,
      Env: env,
      ...(options.user === undefined ? {} : { User: options.user }),
      ...(options.workingDirectory === undefined ? {} : { WorkingDir: options.workingDirectory }),
    };
    const id = await this.create(container, body, signal);
    using attachment = await this.attach(id, {}, signal);
    if (options.input !== undefined) {
      void attachment.write(options.input);
      attachment.endInput();
    }
    const collected: Record<"stdout" | "stderr", Buffer[]> = { stdout: [], stderr: [] };
    for await (const piece of attachment.output(false)) collected[piece.stream].push(piece.bytes);
    const { ExitCode } = await this.inspect(id, signal);
    return {
      exitCode: ExitCode ?? 0,
      stdout: Buffer.concat(collected.stdout),
      stderr: Buffer.concat(collected.stderr),
    };
  }
}

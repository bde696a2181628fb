import type { Socket } from "node:net";
import type { AttachedStreams } from "../../../domain/process.ts";
import type { Engine, ExecState } from "../../../engine/engine.ts";
import { DuetError, toDuetError } from "../../../kit/errors.ts";
import { execStartBody } from "../../../spec/docker/bodies.ts";
import { sizeOf } from "../containers/actions.ts";
import { boundSize } from "../containers/spec/spec.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { frameHeader } from "../frames.ts";
import { closeGently, relay } from "../hijack.ts";

interface StartOptions {
  readonly detach: boolean;
  readonly terminal: boolean;
  /** As this request says, whatever the exec has: Docker goes by that. */
  readonly framed: boolean;
  readonly terminalSize: { rows: number; columns: number };
}

/** `POST /exec/{id}/start`: the connection becomes the command's streams, unless it is detached. */
export async function startExec(exchange: Exchange): Promise<void> {
  const body = await exchange.read(execStartBody);
  const exec = exchange.engine.execs.get(exchange.parameter("id"));
  const [rows = 0, columns = 0] = body.ConsoleSize ?? [];
  const options: StartOptions = {
    detach: body.Detach ?? false,
    terminal: exec.spec.terminal,
    framed: !(body.Tty ?? false),
    terminalSize: { rows: boundSize(rows), columns: boundSize(columns) },
  };
  if (options.detach) {
    await exchange.engine.execs.start(exec.id, options, exchange.signal);
    exchange.empty(200);
    return;
  }
  await startAttached(exchange, exec, options);
}

/**
 * The head goes out before the command starts, as in Docker: some clients lose output that reaches
 * them together with it. So a command that cannot be run is told in its stream, and its exit code
 * follows by inspect.
 */
async function startAttached(
  exchange: Exchange,
  exec: ExecState,
  options: StartOptions,
): Promise<void> {
  const { spec } = exec;
  const { engine } = exchange;
  refuseStart(engine, exec);
  const socket = await exchange.hijack(options.framed);
  let streams: AttachedStreams | null;
  try {
    streams = await engine.execs.start(exec.id, options, exchange.signal);
  } catch (error) {
    sayFailure(exchange, socket, options.framed, error);
    return;
  }
  if (streams === null) {
    closeGently(socket);
    return;
  }
  await relay(socket, streams, {
    terminal: !options.framed,
    stdin: spec.attachStdin,
    detachKeys: spec.terminal ? parseDetachKeys(spec.detachKeys) : null,
    atEndOfInput: spec.terminal ? "detach" : "close-input",
    stdout: true,
    stderr: true,
    onDetachKeys: () => engine.execs.noteDetached(exec.id),
  });
}

/** What can be refused while the answer can still have a status of its own. */
function refuseStart(engine: Engine, exec: ExecState): void {
  const { id, state } = engine.containers.get(exec.container);
  if (state !== "running") {
    throw new DuetError("conflict", "NOT_RUNNING", `container ${id} is not running`);
  }
  if (exec.started) {
    const what = exec.running ? "is already running" : "has already run";
    throw new DuetError("conflict", "EXEC_STARTED", `exec command ${exec.id} ${what}`);
  }
}

function sayFailure(exchange: Exchange, socket: Socket, framed: boolean, error: unknown): void {
  const known = toDuetError(error);
  exchange.log.debug("exec-failed", { code: known.code });
  const text = Buffer.from(`${known.message}\r\n`);
  if (framed) socket.write(frameHeader("stdout", text.length));
  socket.write(text);
  closeGently(socket);
}

/** `POST /exec/{id}/resize`. */
export async function resizeExec(exchange: Exchange): Promise<void> {
  const { rows, columns } = sizeOf(exchange);
  await exchange.engine.execs.resize(exchange.parameter("id"), rows, columns, exchange.signal);
  exchange.empty(200);
}

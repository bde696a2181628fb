import type { AttachedStreams } from "../../../domain/process.ts";
import type { ExecState } from "../../../engine/engine.ts";
import { isDuetError, toDuetError } from "../../../kit/errors.ts";
import { sizeOf } from "../containers/actions.ts";
import { boundSize } from "../containers/spec/spec.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { Fields } from "../fields.ts";
import { frameHeader, streamType } from "../frames.ts";
import { closeGently, relay } from "../hijack.ts";

interface StartOptions {
  readonly detach: boolean;
  readonly terminal: boolean;
  readonly terminalSize: { rows: number; columns: number };
}

/** `POST /exec/{id}/start`: the connection becomes the command's streams, unless it is detached. */
export async function startExec(exchange: Exchange): Promise<void> {
  const fields = Fields.of((await exchange.json()) ?? {}, "");
  const exec = exchange.engine.execs.get(exchange.parameter("id"));
  const [rows = 0, columns = 0] = fields.integers("ConsoleSize") ?? [];
  const options: StartOptions = {
    detach: fields.flag("Detach") ?? false,
    terminal: exec.spec.terminal,
    terminalSize: { rows: boundSize(rows), columns: boundSize(columns) },
  };
  if (options.detach) {
    await exchange.engine.execs.start(exec.id, options, exchange.signal);
    exchange.empty(200);
    return;
  }
  await startAttached(exchange, exec, options);
}

async function startAttached(
  exchange: Exchange,
  exec: ExecState,
  options: StartOptions,
): Promise<void> {
  const { spec } = exec;
  const contentType = streamType(!spec.terminal, exchange.apiVersion);
  let streams: AttachedStreams | null;
  try {
    streams = await exchange.engine.execs.start(exec.id, options, exchange.signal);
  } catch (error) {
    if (isDuetError(error, "conflict") || isDuetError(error, "canceled")) throw error;
    sayFailure(exchange, contentType, spec.terminal, error);
    return;
  }
  const socket = exchange.hijack(contentType);
  if (streams === null) {
    closeGently(socket);
    return;
  }
  await relay(socket, streams, {
    terminal: spec.terminal,
    stdin: spec.attachStdin,
    detachKeys: spec.terminal ? parseDetachKeys(spec.detachKeys) : null,
    atEndOfInput: spec.terminal ? "detach" : "close-input",
    stdout: true,
    stderr: true,
  });
}

/** A command that cannot be run is told in its stream, as in Docker: its exit code follows by inspect. */
function sayFailure(
  exchange: Exchange,
  contentType: string,
  terminal: boolean,
  error: unknown,
): void {
  const known = toDuetError(error);
  exchange.log.debug("exec-failed", { code: known.code });
  const text = Buffer.from(`${known.message}\r\n`);
  const socket = exchange.hijack(contentType);
  if (!terminal) socket.write(frameHeader("stdout", text.length));
  socket.write(text);
  closeGently(socket);
}

/** `POST /exec/{id}/resize`. */
export async function resizeExec(exchange: Exchange): Promise<void> {
  const { rows, columns } = sizeOf(exchange);
  await exchange.engine.execs.resize(exchange.parameter("id"), rows, columns, exchange.signal);
  exchange.empty(200);
}

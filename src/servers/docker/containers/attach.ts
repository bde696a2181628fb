import type { ContainerRecord } from "../../../domain/container.ts";
import type { AttachOptions } from "../../../engine/engine.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { relay, type RelayOptions } from "../hijack.ts";

/** `POST /containers/{id}/attach`: the connection becomes the container's streams. */
export async function attachContainer(exchange: Exchange): Promise<void> {
  const { record, options, relayOptions } = readRequest(exchange);
  const streams = await exchange.engine.containers.attach(record.id, options, exchange.signal);
  const { terminal } = record.spec.process;
  const socket = await exchange.hijack(!terminal);
  await relay(socket, streams, relayOptions);
}

/** `GET /containers/{id}/attach/ws`: the same over a WebSocket, whose messages hold plain bytes. */
export async function attachByWebSocket(exchange: Exchange): Promise<void> {
  const { record, options, relayOptions } = readRequest(exchange);
  const streams = await exchange.engine.containers.attach(record.id, options, exchange.signal);
  try {
    const socket = await exchange.openWebSocket(exchange.apiVersion < 1028 ? "text" : "binary");
    await relay(socket, streams, { ...relayOptions, terminal: true });
  } catch (error) {
    streams.detach();
    throw error;
  }
}

function readRequest(exchange: Exchange): {
  readonly record: ContainerRecord;
  readonly options: AttachOptions;
  readonly relayOptions: RelayOptions;
} {
  const { query, engine } = exchange;
  const record = engine.containers.get(exchange.parameter("id"));
  const { terminal, openStdin, stdinOnce } = record.spec.process;
  const detachKeys = parseDetachKeys(query.text("detachKeys"));
  const options = {
    stdin: query.flag("stdin") && openStdin,
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    logs: query.flag("logs"),
    stream: query.flag("stream"),
  };
  return {
    record,
    options,
    relayOptions: {
      terminal,
      stdin: options.stdin && options.stream,
      detachKeys: terminal ? detachKeys : null,
      // With a terminal, or a stdin that others may still use, the end of input ends this attachment only.
      atEndOfInput: stdinOnce && !terminal ? "close-input" : "detach",
      stdout: options.stdout,
      stderr: options.stderr || terminal,
      onDetachKeys: () => engine.containers.noteDetached(record.id),
    },
  };
}

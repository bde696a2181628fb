import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { streamType } from "../frames.ts";
import { relay } from "../hijack.ts";

/** `POST /containers/{id}/attach`: the connection becomes the container's streams. */
export async function attachContainer(exchange: Exchange): Promise<void> {
  const { query, engine } = exchange;
  const record = engine.containers.get(exchange.parameter("id"));
  const { terminal, openStdin, stdinOnce } = record.spec.process;
  const detachKeys = parseDetachKeys(query.text("detachKeys"));
  const stdin = query.flag("stdin") && openStdin;
  const options = {
    stdin,
    stdout: query.flag("stdout"),
    stderr: query.flag("stderr"),
    logs: query.flag("logs"),
    stream: query.flag("stream"),
  };
  const streams = await engine.containers.attach(record.id, options, exchange.signal);
  const socket = await exchange.hijack(streamType(!terminal, exchange.apiVersion));
  await relay(socket, streams, {
    terminal,
    stdin: stdin && options.stream,
    detachKeys: terminal ? detachKeys : null,
    // With a terminal, or a stdin that others may still use, the end of input ends this attachment only.
    atEndOfInput: stdinOnce && !terminal ? "close-input" : "detach",
    stdout: options.stdout,
    stderr: options.stderr || terminal,
  });
}

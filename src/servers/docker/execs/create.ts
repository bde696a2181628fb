import type { IdAnswer } from "../../../spec/docker/exec.ts";
import { boundSize } from "../containers/spec/spec.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";
import { Fields } from "../fields.ts";

/** `POST /containers/{id}/exec`. */
export async function createExec(exchange: Exchange): Promise<void> {
  const json = await exchange.json();
  if (json === undefined) throw invalid("got EOF while reading request body");
  const fields = Fields.of(json, "");
  const argv = fields.words("Cmd") ?? [];
  if (argv.length === 0) throw invalid("No exec command specified");
  const detachKeys = fields.text("DetachKeys") ?? "";
  parseDetachKeys(detachKeys);
  const [rows = 0, columns = 0] = fields.integers("ConsoleSize") ?? [];
  const id = await exchange.engine.execs.create(exchange.parameter("id"), {
    argv,
    env: fields.texts("Env") ?? [],
    workingDirectory: fields.text("WorkingDir") ?? "",
    user: fields.text("User") ?? "",
    privileged: fields.flag("Privileged") ?? false,
    terminal: fields.flag("Tty") ?? false,
    attachStdin: fields.flag("AttachStdin") ?? false,
    attachStdout: fields.flag("AttachStdout") ?? false,
    attachStderr: fields.flag("AttachStderr") ?? false,
    detachKeys,
    terminalSize: { rows: boundSize(rows), columns: boundSize(columns) },
  });
  const answer: IdAnswer = { Id: id };
  exchange.answer(201, answer);
}

import { execCreateBody } from "../../../spec/docker/bodies.ts";
import type { IdAnswer } from "../../../spec/docker/exec.ts";
import { boundSize } from "../containers/spec/spec.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";
import { invalid } from "../failures.ts";

/** `POST /containers/{id}/exec`. */
export async function createExec(exchange: Exchange): Promise<void> {
  const body = await exchange.read(execCreateBody);
  const argv = body.Cmd ?? [];
  if (argv.length === 0) throw invalid("No exec command specified");
  const detachKeys = body.DetachKeys ?? "";
  parseDetachKeys(detachKeys);
  const [rows = 0, columns = 0] = body.ConsoleSize ?? [];
  const id = await exchange.engine.execs.create(exchange.parameter("id"), {
    argv,
    env: body.Env ?? [],
    workingDirectory: body.WorkingDir ?? "",
    user: body.User ?? "",
    privileged: body.Privileged ?? false,
    terminal: body.Tty ?? false,
    attachStdin: body.AttachStdin ?? false,
    attachStdout: body.AttachStdout ?? false,
    attachStderr: body.AttachStderr ?? false,
    detachKeys,
    terminalSize: { rows: boundSize(rows), columns: boundSize(columns) },
  });
  const answer: IdAnswer = { Id: id };
  exchange.answer(201, answer);
}

import type { ExecInspect } from "../../../spec/docker/exec.ts";
import { parseDetachKeys } from "../detach-keys.ts";
import type { Exchange } from "../exchange.ts";

/** `GET /exec/{id}/json`. */
export async function inspectExec(exchange: Exchange): Promise<void> {
  const exec = exchange.engine.execs.get(exchange.parameter("id"));
  const { spec } = exec;
  const [entrypoint = "", ...args] = spec.argv;
  const answer: ExecInspect = {
    ID: exec.id,
    Running: exec.running,
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: spec.terminal,
      entrypoint,
      arguments: args,
      privileged: spec.privileged,
      ...(spec.user === "" ? {} : { user: spec.user }),
    },
    OpenStdin: spec.attachStdin,
    OpenStderr: spec.attachStderr,
    OpenStdout: spec.attachStdout,
    CanRemove: false,
    ContainerID: exec.container,
    DetachKeys: spec.detachKeys === "" ? "" : parseDetachKeys(spec.detachKeys).toString("base64"),
    Pid: exec.pid,
  };
  exchange.answer(200, answer);
}

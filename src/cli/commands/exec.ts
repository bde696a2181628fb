import { compact } from "../../client/container-options.ts";
import type { ExecCreateBody } from "../../client/api-types.ts";
import type { Command, Context } from "../command.ts";
import { environmentOf } from "../container/key-values.ts";
import {
  environmentFlags,
  interactiveFlag,
  terminalFlag,
  userFlag,
  workingDirectoryFlag,
} from "../container/process-flags.ts";
import { usageError } from "../flags.ts";
import { reportError } from "../report-error.ts";
import { detachKeysFlag, detachBytes, standardDetachKeys } from "../session/detach-keys.ts";
import { startExitCode } from "../session/exit-code.ts";
import { Session } from "../session/session.ts";

export const command: Command = {
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  minimum: 2,
  stopsAtPositional: true,
  completes: ["running-containers"],
  flags: [
    {
      name: "detach",
      short: "d",
      kind: "boolean",
      summary: "Detached mode: run command in the background",
    },
    detachKeysFlag,
    ...environmentFlags,
    interactiveFlag,
    { name: "privileged", kind: "boolean", summary: "Give extended privileges to the command" },
    terminalFlag,
    userFlag,
    workingDirectoryFlag,
  ],
  examples: [
    { what: "A shell in a running container or VM", line: "duet exec -it web sh" },
    { what: "Which kernel does it see?", line: "duet exec web uname -r" },
  ],
  async run(context) {
    const { flags, words, terminal, signal } = context;
    const [reference = "", ...argv] = words;
    const detached = flags.boolean("detach");
    const input = flags.boolean("interactive") && !detached;
    if (input && flags.boolean("tty") && !terminal.inputIsTerminal) {
      throw usageError("NOT_A_TERMINAL", "the input device is not a TTY", "leave out -t");
    }
    const { execs } = context.duet();
    const id = await execs.create(reference, execBody(context, argv, input, detached), signal);
    if (!detached) return await runAttached(context, id, input);
    await execs.detach(id, { Tty: flags.boolean("tty") }, signal);
    return 0;
  },
};

function execBody(
  context: Context,
  argv: string[],
  input: boolean,
  detached: boolean,
): ExecCreateBody {
  const { flags, terminal } = context;
  const tty = flags.boolean("tty");
  return compact<ExecCreateBody>({
    Cmd: argv,
    Env: environmentOf(flags.list("env"), flags.list("env-file")),
    User: flags.string("user"),
    WorkingDir: flags.string("workdir"),
    Privileged: flags.boolean("privileged"),
    Tty: tty,
    AttachStdin: input,
    AttachStdout: !detached,
    AttachStderr: !detached,
    DetachKeys: flags.string("detach-keys"),
    ConsoleSize:
      tty && terminal.outputIsTerminal ? [terminal.rows(), terminal.columns()] : undefined,
  });
}

async function runAttached(context: Context, id: string, input: boolean): Promise<number> {
  const { flags, terminal, signal } = context;
  const { execs } = context.duet();
  const tty = flags.boolean("tty");
  const keys = detachBytes(flags.string("detach-keys") ?? standardDetachKeys);
  try {
    const attachment = await execs.attach(id, { Tty: tty }, signal);
    using session = new Session(terminal, attachment, {
      terminal: tty,
      input,
      detachKeys: keys,
      resize: (rows, columns) => execs.resize(id, rows, columns),
    });
    const output = session.run();
    session.followSize();
    if ((await output) === "detached") return 0;
  } catch (error) {
    reportError(terminal, error, context.global.debug);
    return startExitCode(error);
  }
  return (await execs.inspect(id, signal)).ExitCode ?? 0;
}

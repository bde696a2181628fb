import {
  createBody,
  createFlags,
  attachments,
  type Attachments,
} from "../container/create-body.ts";
import { createContainer } from "../container/create-container.ts";
import type { Command, Context } from "../command.ts";
import { usageError } from "../flags.ts";
import { reportError } from "../report-error.ts";
import { attachedRun } from "../session/attached-run.ts";
import { detachKeysFlag, standardDetachKeys } from "../session/detach-keys.ts";
import { startExitCode } from "../session/exit-code.ts";

export const command: Command = {
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  minimum: 1,
  stopsAtPositional: true,
  failureExit: 125,
  completes: ["images"],
  flags: [
    ...createFlags,
    { name: "detach", short: "d", kind: "boolean", summary: "Run in background and print the ID" },
    detachKeysFlag,
    {
      name: "sig-proxy",
      kind: "boolean",
      default: "true",
      summary: "Proxy received signals to the process",
    },
  ],
  description:
    "With --isolation vm the image runs as a virtual machine with a kernel of its own; everything else stays the same.",
  examples: [
    { what: "A container with a shell, gone when it ends", line: "duet run --rm -it busybox sh" },
    { what: "The same as a virtual machine", line: "duet run --rm -it --isolation vm busybox sh" },
    {
      what: "A web server in the background on port 8080",
      line: "duet run -d --name web -p 8080:80 nginx",
    },
    {
      what: "A VM of 512 MB and two virtual CPUs",
      line: "duet run -d --isolation vm -m 512m --cpus 2 nginx",
    },
  ],
  async run(context) {
    const { flags, words, terminal } = context;
    const [image = "", ...rest] = words;
    const detached = flags.boolean("detach");
    checkConflicts(context, detached);
    const body = createBody(flags, image, rest, terminal);
    const streams = attachments(flags, detached);
    const create = {
      ...body,
      AttachStdin: streams.stdin,
      AttachStdout: streams.stdout,
      AttachStderr: streams.stderr,
    };
    if (detached) create.StdinOnce = false;
    const id = await createContainer(context, create, "errors");
    const attached = streams.stdin || streams.stdout || streams.stderr;
    return attached ? await runAttached(context, id, streams) : await runDetached(context, id);
  },
};

function checkConflicts(context: Context, detached: boolean): void {
  const { flags, terminal } = context;
  if (detached && flags.has("attach")) {
    throw usageError(
      "CONFLICTING_OPTIONS",
      "conflicting options: cannot specify both --attach and --detach",
    );
  }
  if (flags.boolean("rm") && (flags.string("restart") ?? "no") !== "no") {
    throw usageError(
      "CONFLICTING_OPTIONS",
      "conflicting options: cannot specify both --restart and --rm",
    );
  }
  const wantsTerminal = !detached && flags.boolean("tty") && flags.boolean("interactive");
  if (wantsTerminal && !terminal.inputIsTerminal) {
    throw usageError("NOT_A_TERMINAL", "the input device is not a TTY", "leave out -t");
  }
}

async function runDetached(context: Context, id: string): Promise<number> {
  try {
    await context.duet().containers.start(id, {}, context.signal);
  } catch (error) {
    reportError(context.terminal, error, context.global.debug);
    return startExitCode(error);
  }
  context.terminal.print(id);
  return 0;
}

async function runAttached(context: Context, id: string, streams: Attachments): Promise<number> {
  const { flags, signal } = context;
  const { containers } = context.duet();
  const detachKeys = flags.string("detach-keys") ?? standardDetachKeys;
  const removed = flags.boolean("rm");
  return await attachedRun(context, {
    id,
    terminal: flags.boolean("tty"),
    streams,
    detachKeys,
    condition: removed ? "removed" : "next-exit",
    proxy: flags.boolean("sig-proxy"),
    start: () => containers.start(id, { detachKeys }, signal),
    ...(removed
      ? {
          abandoned: (limit: AbortSignal) =>
            containers.remove(id, { force: true, volumes: true }, limit).catch(() => undefined),
        }
      : {}),
  });
}

import { writeFile } from "node:fs/promises";
import { Scope } from "../../kit/scope.ts";
import { buildCall, oneOf } from "../build/call.ts";
import { showPlace } from "../build/failure.ts";
import { LiveProgress } from "../build/live-progress.ts";
import { buildOutputs } from "../build/outputs.ts";
import { PlainProgress } from "../build/plain-progress.ts";
import { QuietProgress } from "../build/quiet-progress.ts";
import { dockerfileRequest, printAnswer } from "../build/request.ts";
import { inputBytes, openSource } from "../build/source.ts";
import type { Command, Context } from "../command.ts";
import { buildFlags, progressWords } from "../build/flags.ts";
import { JsonProgress } from "../build/json-progress.ts";
import type { BuildProgress } from "../../client/build/builds.ts";

export const command: Command = {
  usage: "[OPTIONS] PATH | URL | -",
  minimum: 1,
  maximum: 1,
  completes: ["folders"],
  description:
    "Any RUN of the Dockerfile runs as a container, or behind a machine's boundary with --isolation vm. PATH is the folder whose files COPY and ADD take; - reads a Dockerfile or a tar from standard input.",
  flags: buildFlags,
  examples: [
    { what: "An image from the folder's Dockerfile", line: "duet build -t web:1 ." },
    { what: "Somebody else's, each RUN in a machine", line: "duet build --isolation vm -t tool ." },
    { what: "Only the files that it makes", line: "duet build --target dist --output out ." },
    {
      what: "With a secret that stays out of the image",
      line: "duet build --secret id=token,src=token.txt .",
    },
    { what: "Whether the Dockerfile has faults, and no build", line: "duet build --check ." },
  ],
  async run(context) {
    await using scope = new Scope();
    const { flags, words, terminal, signal } = context;
    const file = flags.string("file");
    const source = await openSource(words[0]!, file, inputBytes(terminal.input), scope);
    const request = dockerfileRequest(flags);
    const outputs = request === null ? buildOutputs(context) : [];
    const call = await buildCall(context, source, outputs, process.env, scope);
    const builds = await context.duet().builds();
    if (request !== null) {
      const found = await withProgress(context, async (onProgress) => {
        return await builds.ask(request.name, { ...call, onProgress }, signal);
      });
      return printAnswer(terminal, request, found);
    }
    const answer = await withProgress(context, async (onProgress) => {
      return await builds.run({ ...call, onProgress }, signal);
    });
    const id = answer.get("containerimage.config.digest");
    const idFile = flags.string("iidfile");
    if (idFile !== undefined) await writeFile(idFile, id ?? "");
    const metadataFile = flags.string("metadata-file");
    if (metadataFile !== undefined) {
      await writeFile(metadataFile, `${JSON.stringify(Object.fromEntries(answer), null, 2)}\n`);
    }
    if (flags.boolean("quiet") && id !== undefined) terminal.print(id);
    return 0;
  },
};

type OnProgress = Parameters<
  Awaited<ReturnType<ReturnType<Context["duet"]>["builds"]>>["run"]
>[0]["onProgress"];

/** Progress goes to standard error: standard output is for results. */
async function withProgress<T>(
  context: Context,
  work: (onProgress: OnProgress) => Promise<T>,
): Promise<T> {
  try {
    using display = displayFor(context);
    return await work((progress) => display.show(progress));
  } catch (error) {
    showPlace(context.terminal, error);
    throw error;
  }
}

type Display = { show(progress: BuildProgress): void } & Disposable;

function displayFor({ flags, terminal }: Context): Display {
  const given = oneOf(flags, "progress", progressWords) ?? "auto";
  const wanted = flags.boolean("quiet") ? "quiet" : given;
  const isLive = terminal.errorsIsTerminal && process.env["TERM"] !== "dumb";
  if (wanted === "tty" || (wanted === "auto" && isLive))
    return new LiveProgress(terminal.errors, terminal);
  const write = (line: string): void => terminal.warn(line);
  if (wanted === "rawjson") return new JsonProgress(write);
  if (wanted === "none") return new QuietProgress(() => undefined);
  return wanted === "quiet" ? new QuietProgress(write) : new PlainProgress(write);
}

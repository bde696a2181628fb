import { writeFile } from "node:fs/promises";
import { Scope } from "../../kit/scope.ts";
import { buildCall } from "../build/call.ts";
import { showPlace } from "../build/failure.ts";
import { LiveProgress } from "../build/live-progress.ts";
import { buildOutputs } from "../build/outputs.ts";
import { PlainProgress } from "../build/plain-progress.ts";
import { inputBytes, openSource } from "../build/source.ts";
import type { Command, Context } from "../command.ts";
import { buildFlags } from "../build/flags.ts";

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
  ],
  async run(context) {
    await using scope = new Scope();
    const { flags, words, terminal, signal } = context;
    const file = flags.string("file");
    const source = await openSource(words[0]!, file, inputBytes(terminal.input), scope);
    const call = buildCall(flags, source, buildOutputs(context), process.env);
    const builds = await context.duet().builds();
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
  const { flags, terminal } = context;
  const wanted = flags.boolean("quiet") ? "quiet" : (flags.string("progress") ?? "auto");
  const isLive = wanted === "tty" || (wanted === "auto" && terminal.errorsIsTerminal);
  using display =
    wanted === "quiet"
      ? null
      : isLive
        ? new LiveProgress(terminal.errors, terminal)
        : new PlainProgress((line) => terminal.warn(line));
  try {
    return await work((progress) => display?.show(progress));
  } catch (error) {
    display?.[Symbol.dispose]();
    showPlace(terminal, error);
    throw error;
  }
}

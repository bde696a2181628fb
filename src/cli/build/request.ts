import type { DockerfileAnswer } from "../../client/build/builds.ts";
import { DuetError } from "../../kit/errors.ts";
import { JsonFields } from "../../kit/json-fields.ts";
import { parseStrictJson } from "../../kit/strict-json.ts";
import { usageError, type Flags } from "../flags.ts";
import { printable } from "../report-error.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { requestWords } from "./flags.ts";

/** What is asked about a Dockerfile instead of building it. */
export interface DockerfileRequest {
  /** BuildKit's name of it. */
  readonly name: string;
  readonly asJson: boolean;
}

const largestAnswer = 64 << 20;

const names: Readonly<Record<string, string>> = {
  check: "frontend.lint",
  outline: "frontend.outline",
  targets: "frontend.targets",
};

/** `--check` and `--call=WORD[,format=json]`; null for a build. Throws `invalid` BAD_FLAG_VALUE. */
export function dockerfileRequest(flags: Flags): DockerfileRequest | null {
  const given = flags.string("call") ?? (flags.boolean("check") ? "check" : "build");
  const [word = "", ...rest] = given.split(",");
  const formats = rest.map((field) => /^format=(json|text)$/.exec(field)?.[1]);
  if (!(requestWords as readonly string[]).includes(word) || formats.includes(undefined)) {
    throw usageError(
      "BAD_FLAG_VALUE",
      `invalid argument "${given}" for "--call" flag: use ${requestWords.join(", ")}, and format=json after a comma`,
    );
  }
  const name = names[word];
  return name === undefined ? null : { name, asJson: formats.at(-1) === "json" };
}

/** Prints it as Docker's client and gives the exit code: 1 where a check has found something. */
export function printAnswer(
  terminal: Terminal,
  request: DockerfileRequest,
  answer: DockerfileAnswer,
): number {
  if (request.asJson) terminal.print(answer.json);
  else {
    if (request.name === names["check"]) terminal.print(summaryOf(answer));
    if (answer.text !== "") terminal.print(printable(answer.text.trimEnd()));
  }
  return answer.isFaulty ? 1 : 0;
}

function summaryOf({ json }: DockerfileAnswer): string {
  const what = "the answer about the Dockerfile";
  const refuse = (why: string): DuetError => new DuetError("corrupt", "PROTOCOL", why);
  const parsed = parseStrictJson(Buffer.from(json), what, { maximumBytes: largestAnswer });
  const { length } = new JsonFields(parsed, what, refuse).objects("warnings") ?? [];
  if (length === 0) return "Check complete, no warnings found.";
  return `Check complete, ${length} ${length === 1 ? "warning has" : "warnings have"} been found!`;
}

import type { Token } from "../../source/tokens.ts";
import type { HouseRule, Offence } from "../rule.ts";

const isTest = (path: string): boolean => path.startsWith("test/") && path.endsWith(".ts");
const isTypeScript = (path: string): boolean => path.endsWith(".ts");

/** Offences at every place where the given texts follow each other. */
function sequences(tokens: readonly Token[], texts: readonly string[], what: string): Offence[] {
  const offences: Offence[] = [];
  for (const [index, token] of tokens.entries()) {
    const matches = texts.every((text, offset) => {
      const other = tokens[index + offset];
      return other?.text === text && (other.kind === "word" || other.kind === "mark");
    });
    if (matches) offences.push({ line: token.line, what });
  }
  return offences;
}

export const abortReason: HouseRule = {
  name: "abort-reason",
  remedy: "give abort() a DuetError that says why, such as canceled() of src/kit/abort.ts",
  applies: isTypeScript,
  check: (file) => sequences(file.tokens, [".", "abort", "(", ")"], "an abort without a reason"),
};

export const sleeplessTests: HouseRule = {
  name: "test-sleep",
  remedy: "await the event itself, with AbortSignal.timeout() as its deadline",
  applies: isTest,
  check: (file) => [
    ...sequences(file.tokens, ["setTimeout", "("], "a wait by time"),
    ...sequences(file.tokens, ["sleep", "("], "a wait by time"),
    ...file.tokens
      .filter((token) => token.kind === "string" && /^(node:)?timers\/promises$/.test(token.text))
      .map((token) => ({ line: token.line, what: "a wait by time" })),
  ],
};

export const focusedTests: HouseRule = {
  name: "test-focus",
  remedy: 'run every test; a skipped one says why: { skip: "reason" }',
  applies: isTest,
  check: (file) => [
    ...["test", "it", "describe"].flatMap((word) => [
      ...sequences(file.tokens, [word, ".", "only"], "a focused test"),
      ...sequences(file.tokens, [word, ".", "skip"], "a test skipped without a reason"),
      ...sequences(file.tokens, [word, ".", "todo"], "a test that does not exist yet"),
    ]),
    ...sequences(file.tokens, ["only", ":", "true"], "a focused test"),
    ...sequences(file.tokens, ["skip", ":", "true"], "a test skipped without a reason"),
  ],
};

export const noShell: HouseRule = {
  name: "no-shell",
  remedy: "start the program from an argv array with run() of src/kit/subprocess.ts",
  applies: isTypeScript,
  check: (file) => [
    ...sequences(file.tokens, ["shell", ":", "true"], "a shell between us and the program"),
    ...importedNames(file.tokens, /^(node:)?child_process$/)
      .filter((token) => token.text === "exec" || token.text === "execSync")
      .map((token) => ({ line: token.line, what: `${token.text} of node:child_process` })),
  ],
};

/** The words between `import` and the name of a module that `module` matches. */
function importedNames(tokens: readonly Token[], module: RegExp): Token[] {
  const found: Token[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== "word" || token.text !== "import") continue;
    const end = tokens.findIndex((other, place) => place > index && other.kind === "string");
    if (end > 0 && module.test(tokens[end]!.text)) found.push(...tokens.slice(index, end));
  }
  return found;
}

export const noConsole: HouseRule = {
  name: "no-console",
  remedy: "log a typed event through src/kit/log.ts; only the CLI and tools print",
  applies: (path) => isTypeScript(path) && path.startsWith("src/") && !path.startsWith("src/cli/"),
  check: (file) => sequences(file.tokens, ["console", "."], "prints to the console"),
};

export const typedErrors: HouseRule = {
  name: "typed-error",
  remedy: "throw a DuetError with class, code, message and hint (src/kit/errors.ts)",
  applies: (path) => isTypeScript(path) && path.startsWith("src/"),
  check: (file) => sequences(file.tokens, ["throw", "new", "Error", "("], "throws a bare Error"),
};

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { errorClasses, type ErrorClass } from "../src/kit/errors.ts";
import { raisedErrors, type RaisedError } from "./errors/raised.ts";
import { listFiles, readSources } from "./source/files.ts";

const root = join(import.meta.dirname, "..");
const target = join(root, "docs/internals/errors.md");

const meanings: Readonly<Record<ErrorClass, string>> = {
  invalid: "what was asked for makes no sense, whatever the state",
  denied: "it makes sense and is not allowed",
  "not-found": "the object does not exist",
  conflict: "it does not fit the state that things are in",
  unchanged: "nothing to do: it is so already",
  exhausted: "no room left: disk, addresses, ids",
  "too-large": "it goes beyond a limit",
  unavailable: "something that it needs does not answer or is not installed",
  unsupported: "Duet, or this host, cannot do it",
  timeout: "it took longer than it may",
  canceled: "the asker gave up",
  corrupt: "bytes are damaged, or are not what they claim to be",
  internal: "a bug, or a failure that nobody foresaw",
};

/** The catalogue of errors as a page: classes, then codes with what they say. */
export async function errorsPage(): Promise<string> {
  const paths = await listFiles(root);
  const sources = paths.filter((path) => path.startsWith("src/") && path.endsWith(".ts"));
  const raised = (await readSources(root, sources)).flatMap(raisedErrors);
  return [
    "# Errors",
    "",
    "Generated from the places that raise them by `node tools/generate-errors.ts`; a test compares the two.",
    "Every failure has a class, a stable code and a message in the order what · why · which object; most have a",
    "hint that says what to do. What depends on the case is shown as `…`.",
    "",
    "## Classes",
    "",
    "| class | means | HTTP | exit |",
    "| --- | --- | --- | --- |",
    ...Object.entries(errorClasses).map(
      ([name, { http, exit }]) =>
        `| ${name} | ${meanings[name as ErrorClass]} | ${http} | ${exit} |`,
    ),
    "",
    "## Codes",
    "",
    "| code | class | says | raised in |",
    "| --- | --- | --- | --- |",
    ...byCode(raised).map(renderCode),
    "",
  ].join("\n");
}

function byCode(raised: readonly RaisedError[]): (readonly [string, readonly RaisedError[]])[] {
  const codes = Map.groupBy(raised, ({ code }) => code);
  return [...codes].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function renderCode([code, raised]: readonly [string, readonly RaisedError[]]): string {
  const unique = (values: readonly string[]): string[] => [...new Set(values)].toSorted();
  const classes = unique(raised.map(({ errorClass }) => errorClass)).join(", ");
  const message = raised.find((one) => one.message !== "")?.message ?? "";
  const folders = unique(
    raised.map(({ path }) => path.slice("src/".length, path.lastIndexOf("/"))),
  );
  const shown = (message || "…")
    .replaceAll(/\s+/g, " ")
    .replaceAll("|", "\\|")
    .replaceAll("<", "&lt;");
  return `| ${code} | ${classes} | ${shown} | ${folders.join(", ")} |`;
}

if (import.meta.main) {
  if (process.argv.includes("--check")) {
    if ((await readFile(target, "utf8")) !== (await errorsPage())) process.exitCode = 1;
  } else {
    await writeFile(target, await errorsPage());
  }
}

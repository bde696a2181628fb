import { readFileSync } from "node:fs";
import { usageError } from "../flags.ts";
import { unreadable } from "../input-file.ts";

/** `key=value` words as a record; a word without `=` has an empty value. */
export function keyValues(words: readonly string[]): Record<string, string> {
  const result: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const word of words) {
    const equals = word.indexOf("=");
    if (equals === 0)
      throw usageError("BAD_KEY_VALUE", `invalid value "${word}" · the name before = is empty`);
    if (equals < 0) result[word] = "";
    else result[word.slice(0, equals)] = word.slice(equals + 1);
  }
  return { ...result };
}

/**
 * Environment as Docker's CLI makes it: files first, then `--env`; a name without value takes the
 * caller's, and is left out where the caller has none.
 */
export function environmentOf(
  words: readonly string[],
  files: readonly string[],
  own: Readonly<Record<string, string | undefined>> = process.env,
): string[] {
  const lines = [...files.flatMap(readLines), ...words];
  return lines.flatMap((line) => {
    if (line.includes("=")) {
      if (line.startsWith("="))
        throw usageError("BAD_ENV", `invalid environment variable: ${line}`);
      return [line];
    }
    const value = own[line];
    return value === undefined ? [] : [`${line}=${value}`];
  });
}

/** Labels of `--label-file` and `--label`; the latter win. */
export function labelsOf(
  words: readonly string[],
  files: readonly string[],
): Record<string, string> {
  return keyValues([...files.flatMap(readLines), ...words]);
}

/** The lines of an env or label file: comments (#) and empty ones left out, names checked. */
function readLines(path: string): string[] {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  return lines.flatMap((line, index) => {
    const content = line.trimStart();
    if (content === "" || content.startsWith("#")) return [];
    const name = content.split("=", 1)[0]!;
    if (name === "" || /\s/.test(name)) {
      throw usageError("BAD_LINE", `cannot use line ${index + 1} · a name has no spaces · ${path}`);
    }
    return [content];
  });
}

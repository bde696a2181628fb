import { StringDecoder } from "node:string_decoder";
import { DuetError } from "../kit/errors.ts";

const maximumLine = 16 << 20;

/**
 * JSON values one after another, as the daemon streams progress, events and stats: a value a line.
 * Throws `corrupt` on what is not JSON.
 */
export async function* readJsonLines<T>(
  body: AsyncIterable<Buffer>,
): AsyncGenerator<T, void, undefined> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const bytes of body) {
    const lines = (rest + decoder.write(bytes)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maximumLine) throw notJson(rest);
    for (const line of lines) if (line.trim() !== "") yield parseLine<T>(line);
  }
  if (rest.trim() !== "") yield parseLine<T>(rest);
}

function parseLine<T>(line: string): T {
  try {
    return JSON.parse(line) as T;
  } catch {
    throw notJson(line);
  }
}

function notJson(line: string): DuetError {
  return new DuetError(
    "corrupt",
    "NOT_JSON",
    `the daemon sent what is not JSON: ${line.slice(0, 80)}`,
  );
}

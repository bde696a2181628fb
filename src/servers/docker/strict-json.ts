import { invalid } from "./failures.ts";
import { maximumJsonDepth } from "./limits.ts";

/**
 * Parses JSON whose nesting is bounded, so that nothing which walks the value later can overflow
 * its stack. Throws `invalid` on bytes that are not UTF-8 JSON.
 */
export function parseBoundedJson(bytes: Uint8Array | string): unknown {
  const text = typeof bytes === "string" ? bytes : decodeText(bytes);
  checkDepth(text);
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`the body is not JSON: ${reason.slice(0, 200)}`);
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid("the body is not JSON: it holds bytes that are not UTF-8");
  }
}

const quote = 0x22;
const backslash = 0x5c;

function checkDepth(text: string): void {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === quote) index = endOfString(text, index);
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > maximumJsonDepth)
        throw invalid(`the body is nested over ${maximumJsonDepth} levels deep`);
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
}

function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (index < text.length) {
    const code = text.charCodeAt(index);
    if (code === quote) return index;
    index += code === backslash ? 2 : 1;
  }
  return index;
}

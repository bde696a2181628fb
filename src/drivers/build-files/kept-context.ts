import type { KeptContext } from "../../domain/build/files.ts";

/** What is written of a context that is kept, at the end of each use. */
export type KeptRecord = Omit<KeptContext, "isUsed">;

const texts = ["key", "description"] as const;
const numbers = ["size", "createdAt", "usedAt", "useCount"] as const;

/** The text of a record's file. */
export function writeKept(record: KeptRecord): string {
  return JSON.stringify(record);
}

/** undefined for what a use that was broken off has left. */
export function readKept(text: string | undefined): KeptRecord | undefined {
  try {
    const record = JSON.parse(text ?? "") as KeptRecord | null;
    const isWhole =
      record !== null &&
      (record.kind === "source.local" || record.kind === "source.git.checkout") &&
      texts.every((name) => typeof record[name] === "string") &&
      numbers.every((name) => typeof record[name] === "number");
    return isWhole ? record : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

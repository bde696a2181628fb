const words: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "true", "TRUE", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "false", "FALSE", "False"].map((word) => [word, false] as const),
]);

/** What Go's strconv.ParseBool makes of a text; undefined for one that it refuses. */
export function parseGoBoolean(text: string): boolean | undefined {
  return words.get(text);
}

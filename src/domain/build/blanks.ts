/** Go's unicode.IsSpace, which takes no byte order mark for a blank as JavaScript's `trim` does. */
const blanks = String.raw`[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+`;
const leading = new RegExp(`^${blanks}`);

/** Without the blanks that it begins with. */
export function trimLeft(text: string): string {
  return text.replace(leading, "");
}

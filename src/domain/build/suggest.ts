/**
 * The one of `options` that `word` was probably meant to be, or "": the nearest that is at most two changes
 * away, as BuildKit's "did you mean" has it. An option that is `word` itself says that nothing was misspelt.
 */
export function suggestion(
  word: string,
  options: Iterable<string>,
  caseSensitive: boolean,
): string {
  const fold = (text: string): string => (caseSensitive ? text : text.toLowerCase());
  const wanted = fold(word);
  if (wanted.length > 100) return "";
  let best = "";
  let distance = 3;
  for (const each of options) {
    const option = fold(each);
    if (option === wanted) return "";
    if (Math.abs(option.length - wanted.length) >= distance) continue;
    const found = editDistance(wanted, option);
    if (found >= distance) continue;
    best = caseSensitive ? each : inCaseOf(word, option);
    distance = found;
  }
  return best;
}

/** ` (did you mean X?)`, or "". */
export function didYouMean(
  word: string,
  options: Iterable<string>,
  caseSensitive: boolean,
): string {
  const found = suggestion(word, options, caseSensitive);
  return found === "" ? "" : ` (did you mean ${found}?)`;
}

function inCaseOf(word: string, option: string): string {
  return word !== word.toLowerCase() && word === word.toUpperCase() ? option.toUpperCase() : option;
}

/** Levenshtein's. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (let index = 0; index < one.length; index += 1) {
    const next = [index + 1];
    for (let at = 0; at < other.length; at += 1) {
      const swap = row[at]! + (one[index] === other[at] ? 0 : 1);
      next.push(Math.min(swap, row[at + 1]! + 1, next[at]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}

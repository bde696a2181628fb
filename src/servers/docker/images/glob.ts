/** Go's path.Match with `*`, `?` and `\`: a star does not cross a slash. Never backtracks over more than one star. */
export function globMatches(pattern: string, text: string): boolean {
  let at = 0;
  let position = 0;
  let star = -1;
  let resume = 0;
  while (position < text.length) {
    const wanted = pattern[at] === "\\" ? pattern[at + 1] : pattern[at];
    const isLiteral = pattern[at] === "\\";
    if (!isLiteral && wanted === "*") {
      star = at;
      resume = position;
      at += 1;
    } else if (
      wanted === text[position] ||
      (!isLiteral && wanted === "?" && text[position] !== "/")
    ) {
      at += isLiteral ? 2 : 1;
      position += 1;
    } else if (star >= 0 && text[resume] !== "/") {
      resume += 1;
      position = resume;
      at = star + 1;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

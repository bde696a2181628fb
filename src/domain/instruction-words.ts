/**
 * The words of an instruction of a Dockerfile: separated by blanks that are neither quoted nor escaped. Quotes and
 * escapes stay, for expandVariables to see.
 */
export function splitWords(text: string): readonly string[] {
  const words: string[] = [];
  let word = "";
  let quote = "";
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index]!;
    if (character === "\\" && quote !== "'" && index + 1 < text.length) {
      word += character + text[index + 1]!;
      index += 1;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word += character;
    } else if (/\s/.test(character)) {
      if (word !== "") words.push(word);
      word = "";
    } else word += character;
  }
  if (word !== "") words.push(word);
  return words;
}

/**
 * The word without its quotes and escapes, and with `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}` replaced
 * from `env` (`NAME=value` each), but within single quotes.
 */
export function expandVariables(word: string, env: readonly string[]): string {
  const valueOf = (name: string): string => {
    const entry = env.findLast((each) => each.startsWith(`${name}=`));
    return entry === undefined ? "" : entry.slice(name.length + 1);
  };
  let result = "";
  let quote = "";
  for (let index = 0; index < word.length; index += 1) {
    const character = word[index]!;
    if (character === "\\" && quote !== "'" && index + 1 < word.length) {
      const next = word[index + 1]!;
      result += quote === '"' && !'"$\\'.includes(next) ? character + next : next;
      index += 1;
    } else if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === "$" && quote !== "'") {
      const match = variable.exec(word.slice(index));
      result += match === null ? character : replacement(match, valueOf);
      index += (match?.[0].length ?? 1) - 1;
    } else result += character;
  }
  return result;
}

const variable = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::([-+])([^}]*))?\})/;

function replacement(match: RegExpExecArray, valueOf: (name: string) => string): string {
  const [, plain, braced = "", operator, word = ""] = match;
  const value = valueOf(plain ?? braced);
  if (operator === "-") return value === "" ? word : value;
  if (operator === "+") return value === "" ? "" : word;
  return value;
}

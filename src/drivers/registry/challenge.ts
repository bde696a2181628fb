/** One scheme of a WWW-Authenticate header (RFC 9110, section 11.6.1), names in lower case. */
export interface Challenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const longestHeader = 8 << 10;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = new RegExp(`^(${token})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`);
const scheme = new RegExp(`^(${token})(?:\\s+|$|(?=,))`);

/** Reads all challenges of a header; what is no challenge ends the reading. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let rest = header.length > longestHeader ? "" : header.trim();
  while (rest !== "") {
    const asParameter = parameter.exec(rest);
    const current = challenges.at(-1);
    if (asParameter !== null && current !== undefined) {
      const [whole, name = "", quoted, plain] = asParameter;
      const value = quoted === undefined ? (plain ?? "") : quoted.replace(/\\(.)/g, "$1");
      if (!current.parameters.has(name.toLowerCase()))
        current.parameters.set(name.toLowerCase(), value);
      rest = afterComma(rest.slice(whole.length));
      continue;
    }
    const asScheme = scheme.exec(rest);
    if (asScheme === null) break;
    challenges.push({ scheme: asScheme[1]!.toLowerCase(), parameters: new Map() });
    rest = afterComma(rest.slice(asScheme[0].length));
  }
  return challenges;
}

function afterComma(text: string): string {
  return text.replace(/^[\s,]+/, "");
}

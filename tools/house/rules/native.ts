import type { HouseRule, Offence } from "../rule.ts";

/** Calls that write without a bound, run a shell or read numbers without an error. */
const refused: Readonly<Record<string, string>> = {
  sprintf: "writes without a bound",
  vsprintf: "writes without a bound",
  strcpy: "writes without a bound",
  strcat: "writes without a bound",
  stpcpy: "writes without a bound",
  gets: "reads without a bound",
  alloca: "takes stack without a bound",
  system: "runs a shell",
  popen: "runs a shell",
  atoi: "hides errors",
  atol: "hides errors",
  tmpnam: "races",
  mktemp: "races",
};
const call = /(?<![\w.>])([a-z]+)\s*\(/g;

export const nativeCalls: HouseRule = {
  name: "native-call",
  remedy: "use snprintf, memcpy with a checked length, strtoull, execve with an argv, openat2",
  applies: (path) => path.startsWith("native/") && /\.[ch]$/.test(path),
  check(file) {
    const offences: Offence[] = [];
    for (const [index, line] of withoutCommentsAndStrings(file.text).split("\n").entries()) {
      for (const [, name = ""] of line.matchAll(call)) {
        const why = Object.hasOwn(refused, name) ? refused[name] : undefined;
        if (why !== undefined) offences.push({ line: index + 1, what: `${name} ${why}` });
      }
    }
    return offences;
  },
};

/** Keeps the line breaks, so that line numbers stay. */
function withoutCommentsAndStrings(text: string): string {
  return text.replaceAll(
    /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (found) => found.replaceAll(/[^\n]/g, " "),
  );
}

import type { HouseRule, Offence } from "../rule.ts";

const maximumFile = 400;
const maximumFunction = 60;

export const fileSize: HouseRule = {
  name: "file-size",
  remedy: "split it by meaning: one file is one idea",
  applies: (path) => /\.(ts|c|h|sh|mk)$/.test(path),
  check(file) {
    const lines = file.text.trimEnd().split("\n").length;
    return lines > maximumFile ? [{ line: 0, what: `${lines} lines, over ${maximumFile}` }] : [];
  },
};

/** C functions in the house's layout: the head starts and the closing brace stands in the first column. */
export const nativeFunctionSize: HouseRule = {
  name: "native-function-size",
  remedy: "take a step of it into a function with a name of its own",
  applies: (path) => path.endsWith(".c"),
  check(file) {
    const offences: Offence[] = [];
    let start = 0;
    for (const [index, line] of file.text.split("\n").entries()) {
      if (/^[a-zA-Z_].*[(,]/.test(line) && !line.endsWith(";")) start = index + 1;
      if (line !== "}") continue;
      const length = index + 2 - start;
      if (start > 0 && length > maximumFunction) {
        offences.push({
          line: start,
          what: `a function of ${length} lines, over ${maximumFunction}`,
        });
      }
      start = 0;
    }
    return offences;
  },
};

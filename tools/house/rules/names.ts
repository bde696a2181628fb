import type { HouseRule } from "../rule.ts";

const junkDrawers = /^(utils?|commons?|helpers?|managers?|misc)$|[-_](utils?|helpers|manager)$/;

export const fileNames: HouseRule = {
  name: "file-name",
  remedy: "name it after the idea that it holds",
  applies: (path) => /^(src|tools|images|bench|native|test|web)\//.test(path),
  check(file) {
    const words = file.path.split("/").map((part) => part.replace(/(\.test)?\.[a-z]+$/, ""));
    const bad = words.find((word) => junkDrawers.test(word));
    return bad === undefined ? [] : [{ line: 0, what: `a junk drawer called \`${bad}\`` }];
  },
};

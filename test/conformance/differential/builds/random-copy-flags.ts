import fc, { type Arbitrary } from "fast-check";
import { mostly, oneOf } from "./random-words.ts";

const owner = mostly(
  [
    "1",
    "1:2",
    "user",
    "user:grp",
    "user:2",
    "1:grp",
    "root",
    "${U:-5}:6",
    "65534:65534",
    "4294967294",
    "other",
    "01",
    "user:",
    "0:0",
  ],
  [
    ":2",
    "1:",
    "nosuch",
    "root:nosuch",
    "$U",
    "4294967295",
    "4294967296",
    "-1",
    "0x1",
    '"1"',
    "2147483648",
    "user:grp:x",
    "grp",
    "user other",
  ],
);
const modeText = mostly(
  [
    ...[
      "755",
      "0644",
      "4755",
      "07777",
      "1777",
      "0",
      "u+x",
      "go-rwx",
      "a=rX",
      "u=rwX,go=rX",
      "+x",
      "u+s",
      "g+s",
      "o+t",
      "-w",
      "u=g",
      "g=u",
    ],
    ...[
      "ug+rw,o-r",
      "${M:-700}",
      "u=",
      "+X",
      "a+rwxst",
      "u-x+w",
      "00755",
      "u+w,g=u,o=g",
      "-x",
      "=r",
      "=",
      "+s",
      "+t",
      "g-s",
      "a-t",
    ],
  ],
  ["$M", "888", "abc", "u+q", "77777", "+r,", "", "u", "u+", ",", "-1", "0o755", "755 ", "x+u"],
);
const excluded = mostly(
  [
    "*.txt",
    "x",
    "d/x",
    "**/x",
    "sub",
    "sub/*",
    "!x",
    "d",
    "/x",
    "deep",
    "f",
    "**/sub",
    "d/",
    "*/x",
    "one",
    "in",
    "deep/",
    "tree/a",
  ],
  ["**", "*", "$A", "[", "!", "", "../x"],
);

const copyFlag: Arbitrary<string> = fc.oneof(
  { weight: 9, arbitrary: owner.map((text) => `--chown=${text}`) },
  { weight: 9, arbitrary: modeText.map((text) => `--chmod=${text}`) },
  { weight: 6, arbitrary: excluded.map((text) => `--exclude=${text}`) },
  {
    weight: 1,
    arbitrary: oneOf(
      "--link=false",
      "--chown",
      "--Chmod=1",
      "--nosuch",
      "--from=",
      "--link=x",
      "--",
      "-x",
    ),
  },
);
/** Flags of COPY and ADD other than `--from`. */
export const copyFlags: Arbitrary<string> = fc
  .array(copyFlag, { maxLength: 2 })
  .map((flags) => flags.join(" "));

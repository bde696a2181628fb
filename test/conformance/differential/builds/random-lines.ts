import fc, { type Arbitrary } from "fast-check";
import { filesLine } from "./random-files-lines.ts";
import { jsonCommand, runLine } from "./random-run-lines.ts";
import { goodWord, mostly, oneOf, spaced, variable, word } from "./random-words.ts";

const assignment = fc
  .tuple(variable, fc.oneof({ weight: 3, arbitrary: goodWord }, { weight: 2, arbitrary: word }))
  .map(([name, value]) => `${name}=${value}`);
const assignments = fc
  .array(assignment, { minLength: 1, maxLength: 3 })
  .map((all) => all.join(" "));
const anyWord = fc.oneof({ weight: 3, arbitrary: goodWord }, { weight: 2, arbitrary: word });

const settings: Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: spaced(oneOf("ENV", "ENV", "env"), assignments) },
  {
    weight: 1,
    arbitrary: spaced(fc.constant("ENV"), variable, anyWord, fc.oneof(fc.constant(""), anyWord)),
  },
  { weight: 3, arbitrary: spaced(fc.constant("ARG"), fc.oneof(variable, assignment, assignments)) },
  { weight: 2, arbitrary: spaced(fc.constant("LABEL"), assignments) },
  { weight: 1, arbitrary: spaced(fc.constant("LABEL"), anyWord, anyWord) },
);

const folders = mostly(
  [
    "/w",
    "w",
    "./w",
    "../w",
    "/lnk",
    "/lnk/new",
    "/dang/in",
    "/abs/q",
    "/",
    ".",
    "/a b",
    '"/a b"',
    "/w/",
    "/w//x/../y",
    "/up/w",
    "/priv/w",
    "/sticky/w",
    "'/sq'",
    "/é",
    "/real/deep/w",
    "$A",
    "/$B/w",
  ],
  ["/dang", "/loop", "/file", "/fifo", "C:\\x", '""', "/flnk", "/file/x", "/loop/x"],
);
const users = mostly(
  ["user", "user:grp", "1", "1:2", "root", "${U:-1}", "1:grp", "99999", "user:43", "0", "other"],
  ["nosuch", "nosuch:nogrp", "$U", ":5", "user other", "user:", "-1", "4294967296", "user:nosuch"],
);

const command = fc.oneof(
  jsonCommand,
  oneOf(
    "echo $A",
    "",
    "exec top",
    "  spaced   out  ",
    "[not json",
    "a \\\n b",
    '"q"',
    '["a", "b"]',
  ),
);
const small: Arbitrary<string> = fc.oneof(
  command.map((text) => `CMD ${text}`),
  command.map((text) => `ENTRYPOINT ${text}`),
  spaced(
    fc.constant("EXPOSE"),
    mostly(
      [
        "80",
        "80/tcp",
        "53/udp",
        "1-3",
        "80/TCP",
        "8080:80",
        "80 443/tcp 80",
        "1/sctp",
        "${P:-99}",
        "1.2.3.4:80:80",
        "1-2:3-4",
        "9 8",
      ],
      [
        "$A",
        "0",
        "70000",
        "x",
        "3-1",
        "80/x",
        "[::1]:1:2",
        "",
        "1-3:1",
        "/tcp",
        "80/",
        "80//tcp",
        "-1",
        "1-",
      ],
    ),
  ),
  spaced(
    fc.constant("VOLUME"),
    mostly(
      [
        "/v",
        "/v /w",
        '["/v", "/a b"]',
        "$A",
        "v",
        "/real /file",
        "'/q'",
        '[" /t "]',
        "/lnk",
        "/v/",
        "${B}",
      ],
      ["[]", '[""]', "", '["/v"', "$NOT_SET"],
    ),
  ),
  spaced(
    fc.constant("STOPSIGNAL"),
    mostly(
      ["SIGTERM", "9", "sigint", "SIGRTMIN+3", "TERM", "${S:-SIGHUP}"],
      ["$A", "nosuch", "0", "-1", "65", "", "SIGTERM x"],
    ),
  ),
  spaced(
    fc.constant("HEALTHCHECK"),
    mostly(
      [
        "",
        "--interval=5s",
        "--timeout=1m30s --retries=3",
        "--start-period=1h",
        "--start-interval=2s",
        "--interval=0s",
        "--retries=0",
        "--interval=1.5m",
        "--interval=2h45m0.5s",
      ],
      [
        "--interval=1us",
        "--interval=x",
        "--retries=-1",
        "--retries=x",
        "--nosuch=1",
        "--interval=$A",
        "--interval=-1s",
        "--interval=5",
        "--interval=",
      ],
    ),
    mostly(
      ["CMD true", 'CMD ["a", "b"]', "NONE", "none", "cmd  echo  $A", "CMD [x"],
      ["NONE x", "RUN true", "CMD", "", "CMD []"],
    ),
  ),
  spaced(
    fc.constant("SHELL"),
    mostly(
      [
        '["/bin/sh", "-c"]',
        '["/bin/sh", "-ec"]',
        '["/bin/busybox", "sh", "-xc"]',
        '["sh", "-c", "echo $0 $1 > /shell", "a"]',
      ],
      ["/bin/sh", "[]", '["nosuch"]', "", '[""]'],
    ),
  ),
  spaced(
    fc.constant("MAINTAINER"),
    mostly(["me", "a b <c@d>", "$A", '"q"', "  two  words  "], [""]),
  ),
  spaced(
    fc.constant("ONBUILD"),
    mostly(
      [
        ...[
          "RUN echo on > /onbuild",
          "COPY f /onb/",
          "ENV ON=$A",
          "LABEL a=b",
          "COPY --from=base /file /onf",
          "CMD x",
          "run   echo   a",
          "ARG Z=1",
        ],
        ...[
          "WORKDIR onw",
          "USER user",
          "COPY <<E /x\nin\nE",
          "RUN --mount=target=/m ls /m > /onm",
          "RUN echo a \\\n  b > /on2",
        ],
      ],
      [
        "ONBUILD RUN x",
        "FROM x",
        "MAINTAINER x",
        "",
        "NOSUCH",
        "RUN exit 4",
        "COPY nosuch /",
        "ENV A",
      ],
    ),
  ),
  users.map((text) => `USER ${text}`),
  folders.map((text) => `WORKDIR ${text}`),
  goodWord.map((text) => `WORKDIR ${text}`),
);

const slips = oneOf(
  "# a remark",
  "   # an indented remark",
  "",
  "RUN",
  "NOSUCH x",
  "COPY f",
  "FRM x",
  "  RUN true",
  "\tENV T=tab",
  "LABEL a",
  "ENV A",
  "ARG",
  "ENV =x",
  "LABEL =x",
  "WORKDIR",
  "USER",
  "ENV A=1 B",
  'LABEL a="unclosed',
  "RUN echo \\",
  "ENV A=a\\\n\n\n  B=b",
  "LABEL a=1 \\\n# inside\n  b=2",
  "# escape=`",
  "ENV A='a\\\n b'",
  'CMD ["a",\n"b"]',
  "\u{FEFF}ENV A=1",
  "ENV\tA=1\tB=2",
  "ENV A=a\\ b",
  "LABEL \"a b\"=\"c d\" 'e'='f'",
  "LABEL a=b a=c",
  "ENV A=1 A=2 C=$A",
  "LABEL a='x\\'y'",
  'LABEL a="x\\"y"',
  "ENV A \\ b",
  "ARG A=1 B=2 C",
  "ARG A B=$A",
  "ARG 'A=x y'",
  'LABEL multi="a\\\nb"',
  "run echo lower > /lower",
  "ENV A=1 \\ ",
  "CMD\n",
  "EXPOSE 80 \\\n",
  "RUN echo a; \\\n\\\n echo b",
);

/** One instruction, which may be of several lines, or what is none. */
export const line: Arbitrary<string> = fc.oneof(
  { weight: 30, arbitrary: filesLine },
  { weight: 18, arbitrary: settings },
  { weight: 15, arbitrary: runLine },
  { weight: 12, arbitrary: small },
  { weight: 1, arbitrary: slips },
);

import fc, { type Arbitrary } from "fast-check";
import { archivePaths, filePaths } from "./random-context.ts";
import { copyFlags } from "./random-copy-flags.ts";
import { goodWord, mostly, oneOf, spaced } from "./random-words.ts";

const sources = mostly(
  [
    ...[
      "f",
      "f",
      "f",
      "g.txt",
      "d",
      "d",
      "d/",
      "d/x",
      "d/sub",
      "d/*",
      "*.txt",
      "*",
      ".",
      "./",
      "l",
      "dl",
      "dl/x",
      "dl/",
      "empty",
      "empty/",
    ],
    ...[
      "/f",
      "/d",
      "../f",
      "d/../f",
      "d/s*",
      "?",
      "[fg]*",
      "d/*/z",
      "d/sub/..",
      "*/*",
      "./d/./x",
      "//f",
      "d/[!x]*",
      "[^d]",
    ],
  ],
  [
    ...[
      "dangling",
      "abs",
      "absdir",
      "absdir/x",
      "up",
      "loop",
      "hard",
      "d/hard",
      "**",
      "**/x",
      "nowhere",
      "no*match",
      "e",
      "e/f",
      "far",
      "\\*",
      "$A",
    ],
    ...[
      "f/",
      "f/.",
      "lchain",
      "d/inner",
      "d/self",
      "d/self/x",
      "-dash",
      "./-dash",
      ".dot",
      "st\\*r",
      "d/up",
      "[",
      "loop/x",
      "l/x",
      "f*/",
      "",
    ],
  ],
);
const odd = oneOf(
  "dangling",
  "abs",
  "absdir",
  "up",
  "hard",
  "d/hard",
  "e",
  "far",
  "lchain",
  "d/inner",
  "d/self",
  "d/self/x",
  ".dot",
  "d/up",
  "absdir/x",
);
const archives = fc.constantFrom(...archivePaths);
const quoted = fc.constantFrom(...filePaths).map((path) => JSON.stringify(path));

const destinations = mostly(
  [
    ...[
      "/",
      "/",
      "/",
      "/out",
      "/out/",
      "/out/",
      "out",
      "./",
      ".",
      "/new/deep/",
      "/new/deep/name",
      "/lnk",
      "/lnk/",
      "/lnk/x",
      "/abs/x",
      "/abs/",
    ],
    ...[
      "/dang/",
      "/dang/x",
      "/dang2/x",
      "/real",
      "/real/deep",
      "/lnk/../up",
      "../x",
      "../../x/",
      "/sticky/",
      "/priv/in/",
      "bin",
      "/bin/tool",
    ],
    ...[
      "$A",
      "${B}/x",
      "/tmp",
      "/dev/x",
      "/./a//b/",
      "/usr/../q",
      "~",
      "/é",
      "/etc",
      "/etc/",
      "/up/x",
      "/real/deep/",
      "/var/run/x",
      "/tree/",
      "/tree/a",
    ],
  ],
  [
    "/dang",
    "/dang2",
    "/loop",
    "/loop/x",
    "/file",
    "/file/",
    "/file/x",
    "/flnk",
    "/hardfile",
    "/fifo",
    "/proc/x",
    "/etc/resolv.conf",
    "/etc/passwd",
    "/fifo/x",
    "",
    "/tree/a/one",
  ],
);
const onFile = oneOf(
  "/file",
  "/flnk",
  "/hardfile",
  "/fifo",
  "/dang",
  "/dang2",
  "/etc/passwd",
  "/tree/a/one",
  "/tree/b/link",
  "/etc/resolv.conf",
  "/etc/hosts",
);
const stageSources = mostly(
  [
    ...[
      "/file",
      "/real",
      "/real/",
      "/lnk",
      "/lnk/",
      "/lnk/in",
      "/abs",
      "/flnk",
      "/hardfile",
      "/file /hardfile",
      "/sticky",
      "/priv",
      "/priv/in",
    ],
    ...[
      "/re*",
      "/*l*",
      "/etc/pass*",
      "real/deep",
      "/real/../file",
      "/abs/in",
      "/up",
      "/up/in",
      "/tree",
      "/tree/",
      "/tree/*",
      "/tree/a/../b",
      "/etc/group",
      "/tree/.x",
    ],
  ],
  ["/dang", "/fifo", ".", "/loop", "/nowhere", "/dang/", "/loop/x", "/file/x"],
);

const names = fc.oneof(
  { weight: 4, arbitrary: sources },
  { weight: 2, arbitrary: fc.tuple(sources, sources).map((all) => all.join(" ")) },
  { weight: 1, arbitrary: odd },
);
const verb = oneOf("COPY", "COPY", "COPY", "ADD", "copy", "Copy");

const here = fc
  .tuple(
    oneOf("COPY", "COPY --chmod=751", "ADD", "COPY --chown=3:4"),
    mostly(
      ["<<EOF", "<<-EOF", '<<"EOF"', "<<'EOF'", "<<EOF <<END", "<<EOF f"],
      ["<<E\\OF", "<< EOF", "<<EOF<<END", "3<<EOF", "<<$A", "<<''", '<<EOF"'],
    ),
    fc.array(
      mostly(
        [
          "text",
          "\ttabbed",
          "$A ${B:-c}",
          "\\$A",
          "a\\",
          "",
          "# no remark",
          "EOF ",
          '"q"',
          "'q $A'",
          "$$",
          "\\\\",
          "\\",
          "\ta\\\n\tb",
          "`$A`",
          "\tEOFx",
        ],
        ["${", "${A", "${A:=x}", "'", '"'],
      ),
      { maxLength: 3 },
    ),
    oneOf("/here", "/here/", "/out/", "here", "/file", "/lnk/h", "$A"),
  )
  .map(([start, mark, lines, to]) => {
    const body = [...lines, "EOF", ...(mark.includes("END") ? ["second", "END"] : [])];
    return [`${start} ${mark} ${to}`, ...body].join("\n");
  });

/** COPY and ADD of what the context, an earlier stage or an image has. */
export const filesLine: Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: spaced(verb, copyFlags, names, destinations) },
  {
    weight: 2,
    arbitrary: spaced(verb, copyFlags, oneOf("f", "d/x", "l", "dl", "d", "empty"), onFile),
  },
  {
    weight: 6,
    arbitrary: spaced(
      fc.constant("COPY"),
      mostly(
        ["--from=base", "--from=0", "--from=BASE"],
        [
          "--from=busybox",
          "--from=more",
          "--from=9",
          "--from=$A",
          "--from=s1",
          "--from=scratch",
          "--from=context",
        ],
      ),
      copyFlags,
      stageSources,
      destinations,
    ),
  },
  {
    weight: 1,
    arbitrary: spaced(
      oneOf("COPY --from=more", "COPY --from=busybox"),
      copyFlags,
      oneOf("f", "/f", "*", ".", "/etc/passwd", "/etc"),
      destinations,
    ),
  },
  {
    weight: 3,
    arbitrary: spaced(
      fc.constant("ADD"),
      mostly(
        ["", "", "--unpack", "--unpack=false", "--unpack=true"],
        ["--keep-git-dir", "--checksum=sha256:00", "--link=false"],
      ),
      copyFlags,
      fc.oneof(archives, archives, sources),
      destinations,
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        oneOf("COPY", "ADD"),
        copyFlags,
        fc.array(quoted, { minLength: 1, maxLength: 2 }),
        destinations,
      )
      .map(
        ([start, flags, from, to]) =>
          `${start} ${flags} [${[...from, JSON.stringify(to)].join(", ")}]`,
      ),
  },
  { weight: 2, arbitrary: here },
  { weight: 1, arbitrary: spaced(verb, goodWord, destinations) },
);

import fc, { type Arbitrary } from "fast-check";
import type { Sample } from "../../../kit/tar/samples.ts";
import { mostly } from "./random-words.ts";
import type { ArchiveForm, ContextFile } from "./build-case.ts";

const fileModes = [0o644, 0o755, 0o600, 0o4755, 0o2750, 0o1644, 0o777, 0o400, 0o000] as const;
const folderModes = [0o755, 0o700, 0o1777, 0o2775, 0o555, 0o777] as const;
const mode: Arbitrary<number> = often(0o644, fc.constantFrom(...fileModes));
const folderMode: Arbitrary<number> = often(0o755, fc.constantFrom(...folderModes));

function often<T>(plain: T, other: Arbitrary<T>): Arbitrary<T> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(plain) }, { weight: 1, arbitrary: other });
}

/** Files that instructions name; most of them are in most contexts. */
export const filePaths = [
  "f",
  "g.txt",
  "d/x",
  "d/y.txt",
  "d/sub/z",
  "d/sub/.hidden",
  "e/f/deep.go",
  "sp ace",
  "-dash",
  "ünï",
  "q[1]",
  "st*r",
  "new\nline",
  "back\\slash",
  "e/$A",
  "d2/x",
  ".dot",
] as const;

const file: Arbitrary<ContextFile> = fc.record({
  kind: fc.constant("file" as const),
  path: often("f", fc.constantFrom(...filePaths)),
  mode,
  text: fc.constantFrom("one\n", "", "two words $A\n", "one\n"),
});

const links: readonly (readonly [string, string])[] = [
  ["l", "f"],
  ["dl", "d"],
  ["dangling", "nowhere"],
  ["abs", "/d/x"],
  ["absdir", "/d"],
  ["up", "../f"],
  ["far", "../../../../etc/passwd"],
  ["loop", "loop"],
  ["d/inner", "sub/z"],
  ["d/self", "."],
  ["d/up", "../g.txt"],
  ["lchain", "dl/inner"],
];

const link: Arbitrary<ContextFile> = fc
  .constantFrom(...links)
  .map(([path, target]) => ({ kind: "link", path, target, mode: 0o777 }));

const folder: Arbitrary<ContextFile> = fc.record({
  kind: fc.constant("folder" as const),
  path: fc.constantFrom("empty", "d", "d/sub", "d/empty", "e", "e/f"),
  mode: folderMode,
});

const same: Arbitrary<ContextFile> = fc
  .constantFrom("hard", "d/hard", "e/hard")
  .map((path) => ({ kind: "same", path, target: "f", mode: 0o644 }));

const when = 1_577_880_000;
const memberNames = ["m", "t/m", "t/deep/m", "etc/passwd", "./dot/m", "lnk/m"] as const;
const member: Arbitrary<Sample> = fc.oneof(
  fc.record({
    kind: fc.constant("file" as const),
    name: fc.constantFrom(...memberNames),
    data: fc.constantFrom("m\n", ""),
    mode,
    uid: fc.constantFrom(0, 7, 1000),
    gid: fc.constantFrom(0, 8),
    modifiedSeconds: fc.constant(when),
    attributes: fc.constantFrom([], [{ name: Buffer.from("user.a"), value: Buffer.from("b") }]),
  }),
  fc.record({
    kind: fc.constant("directory" as const),
    name: fc.constantFrom("t", "t/deep", "etc", "./", "lnk"),
    mode: folderMode,
    uid: fc.constantFrom(0, 7),
    modifiedSeconds: fc.constant(when),
  }),
  fc.record({
    kind: fc.constant("symlink" as const),
    name: fc.constantFrom("s", "t/s", "lnk"),
    linkName: fc.constantFrom("m", "/etc/passwd", "../x", "t"),
    modifiedSeconds: fc.constant(when),
  }),
  fc.record({
    kind: fc.constant("hardlink" as const),
    name: fc.constantFrom("h", "t/h"),
    linkName: fc.constantFrom("m", "t/m"),
    modifiedSeconds: fc.constant(when),
  }),
);

const forms: readonly (readonly [string, ArchiveForm])[] = [
  ["a.tar", "plain"],
  ["a.tar.gz", "gzip"],
  ["a.tbz", "bzip2"],
  ["a.xz", "xz"],
  ["a.zst", "zstd"],
];
export const archivePaths = forms.map(([path]) => path);

const archive: Arbitrary<ContextFile> = fc
  .tuple(fc.constantFrom(...forms), fc.array(member, { minLength: 1, maxLength: 4 }))
  .map(([[path, form], members]) => ({ kind: "archive", path, form, members, mode: 0o644 }));

/** What is in most contexts, so that most instructions find what they name. */
const usual: readonly ContextFile[] = [
  { kind: "file", path: "f", mode: 0o644, text: "f\n" },
  { kind: "file", path: "g.txt", mode: 0o644, text: "g\n" },
  { kind: "file", path: "d/x", mode: 0o600, text: "x\n" },
  { kind: "file", path: "d/y.txt", mode: 0o644, text: "y\n" },
  { kind: "file", path: "d/sub/z", mode: 0o755, text: "z\n" },
  { kind: "folder", path: "empty", mode: 0o755 },
  { kind: "link", path: "l", target: "f", mode: 0o777 },
  { kind: "link", path: "dl", target: "d", mode: 0o777 },
  {
    kind: "archive",
    path: "a.tar",
    form: "plain",
    mode: 0o644,
    members: [{ kind: "file", name: "t/m", data: "m\n", uid: 7, modifiedSeconds: when }],
  },
];

const random: Arbitrary<ContextFile> = fc.oneof(
  { weight: 5, arbitrary: file },
  { weight: 3, arbitrary: link },
  { weight: 2, arbitrary: folder },
  { weight: 1, arbitrary: same },
  { weight: 2, arbitrary: archive },
);

/** Files with different names, none of which is another's folder; a later one of a name is the one. */
export const contextFiles: Arbitrary<readonly ContextFile[]> = fc
  .tuple(
    fc.subarray([...usual], { minLength: usual.length - 1 }),
    fc.array(random, { maxLength: 8 }),
  )
  .map(([common, more]) => tidied([...common, ...more]));

export function tidied(files: readonly ContextFile[]): readonly ContextFile[] {
  const all = new Map(files.map((one) => [one.path, one]));
  const isFolder = (path: string): boolean => (all.get(path)?.kind ?? "folder") === "folder";
  const hasChildren = (path: string): boolean =>
    [...all.keys()].some((other) => other.startsWith(`${path}/`));
  return [...all.values()].filter((one) => {
    const parts = one.path.split("/");
    const parents = parts.slice(1).map((_, index) => parts.slice(0, index + 1).join("/"));
    if (!parents.every(isFolder)) return false;
    if (one.kind !== "folder" && hasChildren(one.path)) return false;
    return one.kind !== "same" || all.get(one.target)?.kind === "file";
  });
}

const ignoreLine: Arbitrary<string> = mostly(
  [
    ...[
      "g.txt",
      "d/sub",
      "d/",
      "/d/x",
      "*.txt",
      "**/*.txt",
      "**/x",
      "d/**",
      "!d/sub",
      "!d/sub/z",
      "!**/z",
      "!d",
      "!f",
      "!l",
      "# remark",
      "",
    ],
    ...[
      "  d/y.txt  ",
      "d/*/z",
      "[^fd]",
      "q\\[1\\]",
      "./d/x",
      "/",
      "Dockerfile",
      ".dockerignore",
      "e/**/deep*",
      "sp ace",
      "dl/x",
      "*/*",
      "!*/*.txt",
      "empty",
      "**/sub/**",
      "d/**/z",
    ],
  ],
  ["f", "d", "*", "**", "?", "[fg]", "[!f]", "d/../f", "!", ".", "["],
);

export const ignoreLines: Arbitrary<readonly string[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.array(ignoreLine, { minLength: 1, maxLength: 4 }) },
);

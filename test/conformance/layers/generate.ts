import fc from "fast-check";
import type { ImageCase, Layer, Member } from "./member.ts";

/** Few names, so that members of one and of several layers meet. */
const names = ["a", "b", "c", "d"];
const oddNames = [
  "\xff\xfe",
  "line\nbreak",
  "sp ace",
  "\xc3\xa4",
  ".wx",
  "-x",
  "back\\slash",
  "n".repeat(120),
];
const nameOf = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...names) },
  { weight: 1, arbitrary: fc.constantFrom(...oddNames) },
);
const pathOf = fc
  .array(nameOf, { minLength: 1, maxLength: 3 })
  .map((components) => components.join("/"));
/** Mostly not what folders are called, else nearly every image would end at a file where a folder should be. */
const leafOf = fc
  .tuple(
    fc.array(nameOf, { maxLength: 2 }),
    fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom("f", "g", "h", "i") },
      { weight: 1, arbitrary: nameOf },
    ),
  )
  .map(([folders, name]) => [...folders, name].join("/"));

const linkTarget = fc.oneof(
  { weight: 6, arbitrary: pathOf },
  { weight: 2, arbitrary: pathOf.map((path) => `/${path}`) },
  { weight: 2, arbitrary: pathOf.map((path) => `../${path}`) },
  {
    weight: 1,
    arbitrary: fc.constantFrom("..", ".", "/", "../../../../etc", "/tmp", "/etc", "l".repeat(130)),
  },
);
const hardTarget = fc.oneof(
  { weight: 12, arbitrary: pathOf },
  { weight: 1, arbitrary: pathOf.map((path) => `/${path}`) },
  { weight: 1, arbitrary: pathOf.map((path) => `./${path}`) },
  { weight: 1, arbitrary: fc.constantFrom("../../../etc/passwd", "/etc/passwd", ".") },
);
const idOf = fc.oneof(
  { weight: 4, arbitrary: fc.constant(0) },
  { weight: 2, arbitrary: fc.constantFrom(1, 1000, 65_534) },
  { weight: 1, arbitrary: fc.constantFrom(0o7777777, 2_097_152, 100_000_000, 4_294_967_294) },
);
const secondsOf = fc.oneof(
  { weight: 5, arbitrary: fc.constant(1_600_000_000) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 1_700_000_000, 2 ** 31, 2 ** 32 + 5) },
  { weight: 1, arbitrary: fc.constantFrom(-1, -1_000, 0o77777777777, 2 ** 34) },
);
const nanosecondsOf = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(1, 500_000_000, 999_999_999) },
);
const attributeOf = fc.constantFrom<readonly [string, string]>(
  ["user.a", "value"],
  ["user.empty", ""],
  ["user.bin", "\0\x01\n=\xff"],
  ["security.capability", "\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"],
  ["user.b", "v".repeat(300)],
);

function kindOf(hostile: boolean): fc.Arbitrary<Member["kind"]> {
  const kinds: { weight: number; arbitrary: fc.Arbitrary<Member["kind"]> }[] = [
    ["file", 12] as const,
    ["folder", 10] as const,
    ["symlink", 3] as const,
    ["hardlink", 2] as const,
    ["fifo", 1] as const,
    ["character", 1] as const,
    ["block", 1] as const,
    ["whiteout", 4] as const,
    ["opaque", 2] as const,
    ["global", hostile ? 1 : 0] as const,
    ["gnu-sparse", hostile ? 1 : 0] as const,
    ["pax-sparse", 1] as const,
  ].map(([kind, weight]) => ({ weight, arbitrary: fc.constant(kind) }));
  return fc.oneof(...kinds);
}

function memberOf(hostile: boolean): fc.Arbitrary<Aimed> {
  return fc
    .record({
      kind: kindOf(hostile),
      path: fc.oneof(
        { weight: 60, arbitrary: pathOf },
        {
          weight: hostile ? 2 : 0,
          arbitrary: fc.constantFrom("a/../b", "a/./b", "a//b", "a/../../b", ""),
        },
      ),
      lead: fc.oneof(
        { weight: 12, arbitrary: fc.constant<Member["lead"]>("") },
        { weight: 4, arbitrary: fc.constant<Member["lead"]>("./") },
        { weight: 2, arbitrary: fc.constant<Member["lead"]>("/") },
        { weight: hostile ? 1 : 0, arbitrary: fc.constantFrom<Member["lead"]>("../", ".//") },
      ),
      trail: fc.oneof(
        { weight: 20, arbitrary: fc.constant<Member["trail"]>("") },
        { weight: hostile ? 1 : 0, arbitrary: fc.constant<Member["trail"]>("/") },
      ),
      leaf: leafOf,
      link: linkTarget,
      hard: hardTarget,
      aim: fc.nat(),
      mode: fc.constantFrom(0o644, 0o755, 0o700, 0o000, 0o4755, 0o2755, 0o1777, 0o6711, 0o777),
      uid: idOf,
      gid: idOf,
      seconds: secondsOf,
      nanoseconds: nanosecondsOf,
      size: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 0, max: 40 }) },
        { weight: 1, arbitrary: fc.constantFrom(511, 512, 513, 20_000, 300_000) },
      ),
      device: fc.constantFrom<readonly [number, number]>([1, 3], [0, 0], [8, 1], [259, 70_000]),
      attributes: fc.oneof(
        { weight: 5, arbitrary: fc.constant([]) },
        {
          weight: 1,
          arbitrary: fc.uniqueArray(attributeOf, { maxLength: 3, selector: ([name]) => name }),
        },
      ),
      format: fc.constantFrom("pax", "gnu", "ustar"),
    })
    .map(({ hard, leaf, aim, ...member }) => ({
      aim,
      member: tidy({
        ...member,
        path:
          member.path === "" || member.path.includes("..")
            ? member.path
            : member.kind === "folder" || member.kind === "opaque"
              ? member.path
              : leaf,
        link: member.kind === "hardlink" ? hard : member.link,
      }),
    }));
}

const linkable: ReadonlySet<Member["kind"]> = new Set(["file", "symlink", "fifo", "block"]);

interface Aimed {
  readonly member: Member;
  /** Which of the files before it a hard link is to, most often. */
  readonly aim: number;
}

/** Hard links to what is not there fail with every engine, so most are to files of the same layer. */
function aimed(members: readonly Aimed[]): Member[] {
  const files: string[] = [];
  return members.map(({ member, aim }) => {
    if (linkable.has(member.kind)) files.push(member.path);
    if (member.kind !== "hardlink" || aim % 16 === 0) return member;
    if (files.length === 0) return { ...member, kind: "file", link: "" };
    return { ...member, link: files[aim % files.length]! };
  });
}

/** Without what the kind or the header's format cannot say, so that cases shrink to what matters. */
function tidy(member: Member): Member {
  const { kind, format } = member;
  const isLink = kind === "symlink" || kind === "hardlink";
  const hasSize = kind === "file" || kind === "gnu-sparse" || kind === "pax-sparse";
  const isPax = format === "pax" && kind !== "gnu-sparse";
  const isSmall = format === "ustar";
  return {
    ...member,
    link: isLink ? member.link : "",
    size: hasSize ? member.size : 0,
    trail: kind === "whiteout" || kind === "opaque" ? "" : member.trail,
    attributes: isPax ? member.attributes : [],
    nanoseconds: isPax ? member.nanoseconds : 0,
    uid: isSmall ? Math.min(member.uid, 0o7777777) : member.uid,
    gid: isSmall ? Math.min(member.gid, 0o7777777) : member.gid,
    seconds: isSmall ? Math.max(0, Math.min(member.seconds, 0o77777777777)) : member.seconds,
    format: kind === "pax-sparse" ? "pax" : kind === "gnu-sparse" ? "gnu" : format,
  };
}

function layerOf(hostile: boolean): fc.Arbitrary<Layer> {
  return fc.record({
    compression: fc.constantFrom<Layer["compression"][]>(
      "none",
      "gzip",
      "none",
      "gzip",
      "gzip-members",
      "zstd",
      "zstd-frames",
      "xz",
      "bzip2",
    ),
    members: fc.array(memberOf(hostile), { maxLength: 8 }).map(aimed),
    end: fc.oneof(
      { weight: 12, arbitrary: fc.constant<Layer["end"]>("two") },
      { weight: 1, arbitrary: fc.constantFrom<Layer["end"]>("many", "one", "none") },
    ),
  });
}

/** Random images; `hostile` ones also have members that no tar program writes. */
export function imageCases(hostile: boolean): fc.Arbitrary<ImageCase> {
  return fc.record({
    layers: fc.array(layerOf(hostile), { minLength: 1, maxLength: 6 }),
    way: fc.constantFrom<ImageCase["way"][]>(
      "docker-archive",
      "docker-archive",
      "both",
      "pull-oci",
      "pull-docker",
    ),
  });
}

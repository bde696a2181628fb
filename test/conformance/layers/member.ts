/** How a member's header says what ustar cannot. */
export type HeaderFormat = "ustar" | "pax" | "gnu";

/** A member of a layer; all texts are latin1, so that names are any bytes. */
export interface Member {
  readonly kind:
    | "file"
    | "folder"
    | "symlink"
    | "hardlink"
    | "fifo"
    | "character"
    | "block"
    | "whiteout"
    | "opaque"
    | "global"
    | "gnu-sparse"
    | "pax-sparse";
  /** Below the root, without slashes at its ends; of a whiteout what it hides, of an opaque mark its folder. */
  readonly path: string;
  /** Written before and after the path. */
  readonly lead: "" | "./" | "/" | "../" | ".//";
  readonly trail: "" | "/";
  readonly link: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** Bytes of a file. */
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
  readonly attributes: readonly (readonly [name: string, value: string])[];
  readonly format: HeaderFormat;
}

export interface Layer {
  readonly compression: "none" | "gzip" | "gzip-members" | "zstd" | "zstd-frames" | "xz" | "bzip2";
  readonly members: readonly Member[];
  /** How the tar ends: two blocks of zeros, many, one, or none. */
  readonly end: "two" | "many" | "one" | "none";
}

export interface ImageCase {
  readonly layers: readonly Layer[];
  /** How the image comes. */
  readonly way: "docker-archive" | "both" | "pull-oci" | "pull-docker";
}

/** A case on a few lines, for people. */
export function describeCase({ layers, way }: ImageCase): string {
  return [
    way,
    ...layers.flatMap(({ compression, end, members }, index) => [
      `layer ${index} (${compression}${end === "two" ? "" : `, end ${end}`})`,
      ...members.map((member) => `  ${describeMember(member)}`),
    ]),
  ].join("\n");
}

function describeMember(member: Member): string {
  const { kind, lead, path, trail, link, mode, uid, gid, seconds, nanoseconds, size } = member;
  const parts = [kind, JSON.stringify(lead + path + trail)];
  if (link !== "") parts.push(`-> ${JSON.stringify(link)}`);
  parts.push(mode.toString(8), `${uid}:${gid}`, `@${seconds}.${nanoseconds}`);
  if (size > 0) parts.push(`${size} B`);
  if (kind === "character" || kind === "block") parts.push(member.device.join(":"));
  for (const [name, value] of member.attributes) parts.push(`${name}=${JSON.stringify(value)}`);
  return [...parts, member.format].join(" ");
}

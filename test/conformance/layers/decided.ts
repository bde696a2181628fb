import { posix } from "node:path";
import type { ImageCase, Member } from "./member.ts";

/** A difference that is meant, and why. */
interface Decision {
  readonly what: string;
  readonly why: string;
  /** Whether a line of `differences` is of this kind in that case. */
  holds(line: string, image: ImageCase): boolean;
}

/** The same of what containers are committed to; `part` is what the line is of. */
interface CommitDecision extends Pick<Decision, "what" | "why"> {
  holds(part: string, line: string, isVm: boolean): boolean;
}

const members = ({ layers }: ImageCase): readonly Member[] =>
  layers.flatMap((layer) => layer.members);

function says(pattern: RegExp): Decision["holds"] {
  return (line) => line.startsWith("failure: ") && pattern.test(line);
}

/** Whether it tells of a time at a path that a layer has as a folder first, and as something else later. */
function isTimeOfReplaced(line: string, { layers }: ImageCase): boolean {
  const path = /^("(?:[^"\\]|\\.)*"): time /.exec(line)?.[1];
  if (path === undefined) return false;
  const place = posix.normalize(`/${JSON.parse(path) as string}`);
  return layers.some((layer) => {
    const there = layer.members.filter(
      (one) => posix.normalize(`/${one.lead}${one.path}`) === place,
    );
    const folder = there.findIndex(({ kind }) => kind === "folder");
    return folder >= 0 && there.slice(folder).some(({ kind }) => kind !== "folder");
  });
}

/** What Duet does otherwise than Docker's storage overlay2, on purpose. */
export const decisions: readonly Decision[] = [
  {
    what: "a whiteout of what its own layer has",
    why: "OCI's layer.md: it hides lower layers only; Docker fails at it",
    holds: says(/^failure: [^|]*failed to mknod\(.*file exists \| works$/s),
  },
  {
    what: "a folder that a later member of the layer replaces",
    why: "Docker sets the folder's time at the end, on what is there then, and fails where nothing is",
    holds: (line, image) =>
      /^failure: [^|]*chtimesat .* \| works$/s.test(line) || isTimeOfReplaced(line, image),
  },
  {
    what: "attributes of a link",
    why: "Docker follows the link, and fails where it leads nowhere",
    holds: (line, image) =>
      /^failure: [^|]*lsetxattr .*no such file or directory \| works$/s.test(line) ||
      (/^"(?:[^"\\]|\\.)*": attributes /.test(line) &&
        members(image).some(({ kind, attributes }) => kind === "symlink" && attributes.length > 0)),
  },
  {
    what: "a hard link to its own name",
    why: "the name is there already, as with GNU tar; Docker takes it away first and fails",
    holds: says(/^failure: [^|]*linkat (\S+) \1: no such file or directory \| works$/s),
  },
  {
    what: "a name from the root that climbs above it",
    why: "above the root is the root, as for every program in it; Docker refuses the layer",
    holds: says(/^failure: [^|]*invalid entry name .* \| works$/s),
  },
  {
    what: "a member twice in a pulled layer",
    why: "what tar-split cannot put together again, Docker refuses in pulls and takes in loads",
    holds: says(/^failure: [^|]*duplicates of file paths not supported \| works$/s),
  },
  {
    what: "sparse files in GNU's old form",
    why: "Docker does not know them",
    holds: says(/^failure: [^|]*unhandled tar header type 83 \| works$/s),
  },
  {
    what: "a folder that a layer has but does not describe",
    why: "it keeps what lower layers say of it, as with containerd's store; overlay2 makes it anew",
    holds: (line) =>
      /: mode "0o40755" \| /.test(line) ||
      // In a folder with the setgid bit, what is made anew has the group of that.
      /: owner "0:\d+" \| /.test(line) ||
      /: time "new" \| /.test(line),
  },
  {
    what: "a 0:0 character device",
    why: "it is overlayfs's mark of a whiteout, and no file",
    holds: (_, image) =>
      members(image).some(
        ({ kind, device }) => kind === "character" && device[0] === 0 && device[1] === 0,
      ),
  },
  {
    what: "an opaque mark in a file",
    why: "only a folder can hide what it has in lower layers; Docker marks the file",
    holds: says(/^failure: works \| .*cannot open the directory .*(?:ENOTDIR|ELOOP)/s),
  },
  {
    what: "a marker below a link that leads nowhere",
    why: "markers are for names of their own layer; Docker makes what the link leads to",
    holds: says(/^failure: works \| .*cannot open the folder of .*EEXIST/s),
  },
  {
    what: "a member with an empty name that is no folder",
    why: "it is nothing that a tar program writes; Docker leaves it out",
    holds: says(/^failure: works \| .*a member with an empty name/s),
  },
  {
    what: "a root that is no folder",
    why: "no layer can replace it; Docker leaves the member out",
    holds: says(/^failure: works \| cannot open the folder of \\*"\\*": EINVAL/s),
  },
];

export const commitDecisions: readonly CommitDecision[] = [
  {
    what: "files that an engine lays under a container",
    why: "Docker lays them under each; Duet those that something is mounted on",
    holds: (_, line) =>
      /^"\/?(?:\.dockerenv|dev(?:\/\w+)?|etc\/(?:hosts|hostname|mtab|resolv\.conf)|proc|sys)"/.test(
        line,
      ),
  },
  {
    what: "a change that leaves kind, mode, owner, size and time as they were",
    why: "diff tells what commit writes; Docker's diff compares those and misses what its commit writes",
    holds: (part, line) =>
      part === "changes" && /^"[^"]*": absent \| \{"kind":"modified"\}$/.test(line),
  },
  {
    what: "what a layer of a virtual machine leaves out, though the machine touched it",
    why: "its root is no overlay: it is compared with what it was; the trees that come of it are the same",
    holds: (part, line, isVm) => isVm && part === "layer" && line.endsWith(" | absent"),
  },
];

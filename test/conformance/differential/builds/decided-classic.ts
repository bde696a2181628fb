import { posix } from "node:path";
import type { DecidedBuild } from "./decided-builds.ts";

/** What differs in builds by the classic builder besides, and stays: one solver builds for both interfaces. */
export const decidedClassic: readonly DecidedBuild[] = [
  {
    what: "A history is written as BuildKit writes it.",
    covers: ({ what }) => what === "history",
  },
  {
    what: "A configuration names no image that it was made on: there are none between.",
    covers: ({ what }) => what === "config Image",
  },
  {
    what: "A mistake in a line is told before anything is built.",
    covers: ({ what, duet }) =>
      (what === "said" && duet === "") ||
      (what === "error" && duet.startsWith("failed to process ")),
  },
  {
    what: "A missing file is told by its path without detours.",
    covers: ({ what, docker, duet }) => what === "error" && cleaned(docker) === cleaned(duet),
  },
  {
    what: "What BuildKit takes is taken.",
    covers: ({ what, docker, duet }) =>
      (what === "said" && duet.startsWith(docker)) ||
      (/^(?:success|error)$/.test(what) &&
        /the destination must be a directory|no source files were specified|forbidden path outside the build context|cannot normalize nothing|unable to convert uid\/gid chown|No image was generated/.test(
          docker,
        )),
  },
  {
    what: "A folder has the time of the folder that it is a copy of, and a file its setuid bit, whatever its owner.",
    covers: ({ what, docker, duet }) =>
      what.startsWith("file ") &&
      (plainFolder(docker) === plainFolder(duet) || hasLostBits(docker, duet)),
  },
  {
    what: "An ARG takes the place of an ENV before it, as with BuildKit.",
    covers: ({ what }, { stages }) =>
      what.startsWith("config ") &&
      stages.some(({ lines }) =>
        lines.some((line) => /^ARG .*\b(?:A|B|U|M|PATHS|EMPTY)=/i.test(line)),
      ),
  },
  {
    what: "A step's /etc/hosts and /etc/hostname are BuildKit's.",
    covers: ({ what }) => /^file (?:n|etc\/hostname)$/.test(what),
  },
  {
    what: "An owner's number beyond those that there can be is root, as with BuildKit.",
    covers: ({ what, docker }) =>
      what.startsWith("file ") && docker.includes("4294967294:4294967294"),
  },
  {
    what: "A folder is set as BuildKit sets it.",
    covers: ({ what, docker, duet }) =>
      what === "config WorkingDir" && cleaned(docker) === cleaned(duet),
  },
];

function cleaned(text: string): string {
  return text.replaceAll(/[^\s"]*\/[^\s"]*/g, (path) => posix.normalize(path));
}

function plainFolder(line: string): string {
  return line.startsWith("directory ") ? line.replace(/ (?:@\d+|new)$/, "") : line;
}

function hasLostBits(docker: string, duet: string): boolean {
  const mode = / (\d+) /;
  const [one, other] = [docker, duet].map((line) =>
    Number.parseInt(mode.exec(line)?.[1] ?? "0", 8),
  );
  return (
    one !== other && one === other! % 0o2000 && docker.replace(mode, "") === duet.replace(mode, "")
  );
}

import type { BuildCase } from "./build-case.ts";
import type { BuildDifference } from "./held-against.ts";

/** A difference between builds that stays. */
export interface DecidedBuild {
  readonly what: string;
  readonly covers: (difference: BuildDifference, build: BuildCase) => boolean;
}

/** Failures of steps, as against those of the Dockerfile. */
const ofSteps =
  /not found$|did not complete successfully|cannot copy|unable to find|no such file|invalid user|failed to (?:copy|create|mkdir|lstat)|not a directory|cannot |too many levels/;

export const decidedBuilds: readonly DecidedBuild[] = [
  {
    what: "Of several steps that fail, each engine tells the one that fails first: BuildKit looks for what all steps take before any begins.",
    covers: ({ what, docker, duet }) =>
      what === "error" &&
      (lineOf(docker) !== lineOf(duet) || docker.endsWith("not found")) &&
      ofSteps.test(lastOf(docker)) &&
      duet.split("\n").some((line) => ofSteps.test(line)),
  },
  {
    what: "What cannot be copied or unpacked is told in words of Duet's own, by paths in the image.",
    covers: ({ what, docker, duet }) =>
      what === "error" &&
      lineOf(docker) === lineOf(duet) &&
      /lstat |linkat |mkdir |open \/|overlay2|merged|failed to (?:copy|create|lstat)|invalid user index|readlink |too many links/.test(
        lastOf(docker),
      ),
  },
  {
    what: "A process that cannot be started is told with the reason; Docker has that in the output, and tells exit code 1.",
    covers: ({ what, docker, duet }) =>
      what === "error" &&
      lineOf(docker) === lineOf(duet) &&
      lastOf(docker).endsWith("did not complete successfully: exit code: 1") &&
      duet.includes("did not complete successfully: OCI runtime create failed"),
  },
  {
    what: "A stage that stands on a folder of the client has that as its first step and layer; Docker names the layer after the last step.",
    covers: ({ what }, build) =>
      (what.endsWith("steps") || what === "history") &&
      build.stages.some(({ from }) => / more\b/i.test(from)),
  },
  {
    what: "A registry that cannot be reached is told without Go's words for networks.",
    covers: ({ what, docker }) =>
      what === "error" && /failed to resolve source metadata|failed to do request/.test(docker),
  },
  {
    what: "Writable bind mounts of the context don't keep a step from the cache, and a mounted folder's own mode counts.",
    covers: ({ what }, build) =>
      /^(?:again|changed): steps$/.test(what) &&
      build.stages.some(({ lines }) =>
        lines.some((line) => /--mount=\S*(?:rw|source=)/.test(line)),
      ),
  },
  {
    what: "A RUN may write its hosts and resolv.conf.",
    covers: ({ what, docker }) =>
      what === "success" && /echo r > \/etc\/(?:resolv\.conf|hosts)/.test(docker),
  },
  {
    what: "Steps for another processor are refused in words where the host cannot run them.",
    covers: ({ what, duet }) => what === "error" && duet.includes("cannot run programs for "),
  },
  {
    what: "A file name with a new line in it can be copied.",
    covers: ({ docker }) => docker.includes("non-printable ASCII characters"),
  },
  {
    what: "Patterns of .dockerignore are looked at before bases.",
    covers: ({ what, duet }) =>
      what === "error" && /(?:illegal exclusion|syntax error in) pattern/.test(lastOf(duet)),
  },
  {
    what: "An excerpt of the Dockerfile is shown once.",
    covers: ({ what, docker, duet }) =>
      what === "error" &&
      lastOf(docker) === lastOf(duet) &&
      /^Dockerfile:/m.test(duet) &&
      docker.split(/^Dockerfile:/m).length > 2,
  },
];

function lineOf(error: string): string {
  return /^Dockerfile:(\d+)/.exec(error)?.[1] ?? "";
}

function lastOf(error: string): string {
  return error.split("\n").findLast((line) => line.startsWith("ERROR: ")) ?? error;
}

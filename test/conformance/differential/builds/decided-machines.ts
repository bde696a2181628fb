import type { DecidedBuild } from "./decided-builds.ts";

/** What differs besides where each RUN of Duet's is a machine, and stays. */
export const decidedMachines: readonly DecidedBuild[] = [
  {
    what: "A machine's kernel, devices, limits and mounts are its own, and its root is a disk with a folder lost+found.",
    covers: ({ what }) => /^file (?:rootlist|ul|devices)$/.test(what),
  },
];

import type { DecidedBuild } from "./decided-builds.ts";

/** What differs in builds by the classic builder besides, and stays. */
export const decidedClassic: readonly DecidedBuild[] = [
  {
    what: "A history is written as BuildKit writes it.",
    covers: ({ what }) => what === "history",
  },
  {
    what: "A configuration names no image that it was made on: there are none between.",
    covers: ({ what }) => what === "config Image",
  },
];

import type { DecidedBuild } from "./decided-builds.ts";

/** What differs besides where each RUN of Duet's is a machine, and stays. */
export const decidedMachines: readonly DecidedBuild[] = [];

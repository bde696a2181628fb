import type { MountRecord } from "./mount.ts";

/** Where what a machine that boots its own disk is told at its start is mounted: cloud-init's name for it. */
export const seedTarget = "/cidata";
/** The files of NoCloud, in cloud-init's documentation. */
export const seedFiles = ["meta-data", "network-config", "user-data", "vendor-data"] as const;

/** Whether a mount is a machine's seed: the folder of its files, or one of them. */
export function isSeed({ target }: Pick<MountRecord, "target">): boolean {
  return target === seedTarget || seedFiles.some((name) => target === `${seedTarget}/${name}`);
}

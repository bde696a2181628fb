import type { FlagSpec } from "./flags.ts";

/** What the image that is made is to have besides its files. */
export const changeFlag: FlagSpec = {
  name: "change",
  short: "c",
  kind: "list",
  summary: "Apply Dockerfile instruction to the created image",
};

export const importMessageFlag: FlagSpec = {
  name: "message",
  short: "m",
  kind: "string",
  summary: "Set commit message for imported image",
};

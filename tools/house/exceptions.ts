import type { HouseException } from "./rule.ts";

/** Every place that a house rule leaves alone, with the reason. */
export const exceptions: readonly HouseException[] = [];

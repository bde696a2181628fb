import { dirname } from "node:path";

/** Absolute path of the clone that this file is part of. */
export const projectRoot: string = dirname(import.meta.dirname);

import type { HouseRule } from "./rule.ts";
import * as calls from "./rules/calls.ts";
import { hostlessLockfile, pinnedPackages } from "./rules/manifest.ts";
import { fileNames } from "./rules/names.ts";
import { nativeCalls } from "./rules/native.ts";
import { machinePlaces, pagePaths } from "./rules/places.ts";
import { fileSize, nativeFunctionSize } from "./rules/size.ts";

/** Every house rule. Function length of TypeScript is oxlint's, in .oxlintrc.json. */
export const houseRules: readonly HouseRule[] = [
  fileSize,
  nativeFunctionSize,
  fileNames,
  calls.abortReason,
  calls.sleeplessTests,
  calls.focusedTests,
  calls.noShell,
  calls.noConsole,
  calls.typedErrors,
  machinePlaces,
  pagePaths,
  pinnedPackages,
  hostlessLockfile,
  nativeCalls,
];

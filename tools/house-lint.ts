import { exceptions } from "./house/exceptions.ts";
import { lintHouse } from "./house/rule.ts";
import { houseRules } from "./house/rules.ts";
import { projectRoot } from "./project.ts";
import { listFiles, readSources } from "./source/files.ts";
import { reportFindings } from "./source/finding.ts";

/** `node tools/house-lint.ts`: the rules of the house that no general linter knows. */
const paths = await listFiles(projectRoot);
const files = await readSources(
  projectRoot,
  paths.filter((path) => houseRules.some((rule) => rule.applies(path))),
);
const findings = lintHouse(files, new Set(paths), houseRules, exceptions);
process.exitCode = reportFindings("house", files.length, findings);

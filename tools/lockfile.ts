import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../src/kit/atomic-file.ts";
import { completeLockfile, type Lockfile } from "./lockfile/complete.ts";
import { projectRoot } from "./project.ts";

/**
 * `node tools/lockfile.ts`: run it after `npm install`. A registry that does not carry the native
 * packages of other platforms makes npm leave them out of the lockfile, and `npm ci` then refuses it.
 */
const path = join(projectRoot, "package-lock.json");
const lockfile = JSON.parse(await readFile(path, "utf8")) as Lockfile;
const added = completeLockfile(lockfile);
if (added.length > 0) await writeFileAtomic(path, `${JSON.stringify(lockfile, null, 2)}\n`, 0o644);
console.log(`package-lock.json: ${added.length} packages of other platforms added`);

import { mkdtemp, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { partedCase } from "./parted.ts";
import { Scope } from "../../../src/kit/scope.ts";
import { TestDaemon } from "../../e2e/daemon.ts";
import { foreignCase } from "./foreign.ts";
import { importSpoiled, takeSpoiled, victims } from "./hostile.ts";

const { values } = parseArgs({
  options: {
    part: { type: "string", default: "foreign" },
    seed: { type: "string", default: "0" },
    without: { type: "string", multiple: true, default: [] },
    count: { type: "string", default: "10" },
  },
});
const parts = { foreign: foreignCase, parted: partedCase };
const run = parts[values.part as keyof typeof parts];
await using scope = new Scope();
const folder = await mkdtemp("/tmp/duet-disks-");
scope.defer(() => rm(folder, { recursive: true, force: true }));
const first = Number(values.seed);
const count = Number(values.count);
if (values.part === "taken") {
  const wrong = await takeSpoiled(folder, await victims(folder), first, count);
  console.log(`${count} cases, ${wrong} wrong`);
  process.exit(wrong > 0 ? 1 : 0);
}
const undo: (() => void | Promise<void>)[] = [];
const daemon = await TestDaemon.start(
  { after: (done: () => void | Promise<void>) => void undo.push(done) },
  { flags: ["--vm-pool-size", "0"], vmTemplates: true },
);
scope.defer(async () => {
  for (const done of undo.toReversed()) await done();
});
let wrong = 0;
if (values.part === "hostile") {
  wrong = await importSpoiled(daemon, await victims(folder), first, count);
} else
  for (let seed = first; seed < first + Number(values.count); seed += 1) {
    const begun = performance.now();
    try {
      const { name, found } = await run(daemon, folder, seed, values.without);
      if (found.length > 0) wrong += 1;
      console.log(
        `${found.length === 0 ? "same" : "DIFFERS"} ${name} (${((performance.now() - begun) / 1000).toFixed(1)} s)`,
      );
      for (const line of found) console.log(`    ${line}`);
    } catch (error) {
      wrong += 1;
      console.log(`BROKEN ${seed}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
console.log(`${values.count} cases, ${wrong} differ`);
if (wrong > 0) process.exitCode = 1;

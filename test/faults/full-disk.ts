import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openContentStore } from "../../src/drivers/content/content.ts";
import { openStateStore } from "../../src/drivers/store/store.ts";
import { isDuetError } from "../../src/kit/errors.ts";
import { silentLog } from "../../src/kit/log.ts";
import { volumeRecord } from "../drivers/store/records.ts";

/**
 * Runs in a mount namespace of its own: fills a small file system and prints what content and state
 * stores say to that, and after there is space again.
 */
const [folder = ""] = process.argv.slice(2);
execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]);
const content = await openContentStore(join(folder, "content"), silentLog);
const state = openStateStore(join(folder, "state.db"), silentLog);
state.volumes.put(volumeRecord("before"));
const ballast = join(folder, "ballast");
writeFileSync(ballast, Buffer.alloc(6 << 20));

const bytes = Buffer.alloc(3_000_000, "duet");
const result = {
  content: await codeOf(async () => {
    await using ingest = await content.ingest("layer");
    await ingest.append(bytes);
    await ingest.commit();
  }),
  contentAfter: 0,
  state: "",
  stateAfter: [] as string[],
};
fill();
const large = { ...volumeRecord("too-large"), labels: { text: "x".repeat(4 << 20) } };
result.state = await codeOf(async () => state.volumes.put(large));
rmSync(ballast);
{
  await using ingest = await content.ingest("layer");
  await ingest.append(bytes.subarray(ingest.offset));
  result.contentAfter = (await ingest.commit()).size;
}
state.volumes.put(volumeRecord("after"));
result.stateAfter = state.volumes.list().map((volume) => volume.name);
state.close();
process.stdout.write(JSON.stringify(result));

function fill(): void {
  try {
    writeFileSync(ballast, Buffer.alloc(1 << 20), { flag: "a" });
    fill();
  } catch {
    // Full now.
  }
}

async function codeOf(work: () => Promise<void>): Promise<string> {
  try {
    await work();
    return "";
  } catch (error) {
    return isDuetError(error) ? error.code : String(error);
  }
}

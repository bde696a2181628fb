import { openContentStore } from "../../src/drivers/content/content.ts";
import { armFailpoints } from "../../src/kit/failpoint.ts";
import { silentLog } from "../../src/kit/log.ts";

/** Brings one blob into the store of its first argument with the failpoint of its second armed. */
const [folder = "", failpoints = ""] = process.argv.slice(2);
armFailpoints(failpoints);
const store = await openContentStore(folder, silentLog);
await using ingest = await store.ingest("layer");
const content = Buffer.alloc(3_000_000, "duet");
await ingest.append(content.subarray(ingest.offset));
await ingest.commit();
await store.write(Buffer.from("small"));

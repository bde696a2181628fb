import { openStateStore } from "../../../src/drivers/store/store.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { volumeRecord } from "./records.ts";

/** Commits pairs of records to the state named by its argument until it is killed, printing each number after its commit. */
const store = openStateStore(process.argv[2]!, silentLog);
for (let number = store.volumes.list().length / 2; ; number += 1) {
  store.transaction(() => {
    store.volumes.put(volumeRecord(`one-${number}`));
    store.volumes.put(volumeRecord(`two-${number}`));
  });
  process.stdout.write(`${number}\n`);
}

import type { BenchCase } from "./case.ts";
import { timeCase } from "./timed.ts";

/** `docker run --rm busybox true`: from the client's start to its end. */
export const startCase: BenchCase = {
  name: "start",
  run: async (context) => {
    const contestants = context.contenders.map(({ name, client, flags }) => ({
      name,
      run: async () => void (await client.call("run", "--rm", ...flags, "busybox", "true")),
    }));
    return [await timeCase(context, "`docker run --rm busybox true`", contestants)];
  },
};

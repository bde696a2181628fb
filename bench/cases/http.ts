import { run } from "../../src/kit/subprocess.ts";
import { timeEach } from "./each-container.ts";
import type { BenchCase } from "./case.ts";

const megabytes = 200;
const outside = "18080";

/** A file of 200 MB fetched from a workload's HTTP server by its published port. */
export const httpCase: BenchCase = {
  name: "http",
  run: async (context) => {
    const contenders = context.contenders.filter(({ engine, client }) => client === engine.client);
    const title = `Fetch ${megabytes} MB over HTTP by a published port`;
    let port = Number(outside);
    const result = await timeEach({ ...context, contenders }, title, async (contender) => {
      const { client, engine, flags } = contender;
      port += 1;
      const url = `http://127.0.0.1:${port}/f`;
      const serve = `mkdir -p /w && dd if=/dev/zero of=/w/f bs=1M count=${megabytes} && exec httpd -f -p 80 -h /w`;
      const publish = ["-p", `127.0.0.1:${port}:80`];
      const id = await client.text("run", "-d", ...publish, ...flags, "busybox", "sh", "-c", serve);
      const inside = [`--net=/proc/${engine.namespacePid}/ns/net`, "--", "curl", "-sSf"];
      const fetch = async (...words: string[]): Promise<void> => {
        await run("nsenter", [...inside, ...words, "-o", "/dev/null", url], {
          signal: context.signal,
        });
      };
      await fetch("--retry", "60", "--retry-delay", "1", "--retry-all-errors");
      return { run: () => fetch(), undo: () => client.call("rm", "-f", id) };
    });
    return [result];
  },
};

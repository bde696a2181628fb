import { request } from "node:http";
import { timeEach } from "./each-container.ts";
import type { BenchCase } from "./case.ts";

const bytes = 100_000_000;
const line = "x".repeat(99);

/** The log of a container that printed 100 MB, read at the API. */
export const logsCase: BenchCase = {
  name: "logs",
  run: async (context) => {
    const contenders = context.contenders.filter(({ engine }) => engine.socket !== "");
    const result = await timeEach(
      { ...context, contenders },
      "Read a log of 100 MB, at the API",
      async ({ client, engine, flags }) => {
        const print = ["sh", "-c", `yes ${line} | head -c ${bytes}`];
        const options = ["--log-driver", "json-file", "--log-opt", "max-size=400m"];
        const id = await client.text("run", "-d", ...options, ...flags, "busybox", ...print);
        await client.call("wait", id);
        return {
          run: () => read(engine.socket, `/containers/${id}/logs?stdout=1`),
          undo: () => client.call("rm", "-f", id),
        };
      },
    );
    return [result];
  },
};

async function read(socketPath: string, path: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const asked = request({ socketPath, path });
  asked.once("error", reject).once("response", (answer) => {
    let size = 0;
    answer.on("data", (chunk: Buffer) => (size += chunk.length));
    answer.once("error", reject).once("end", () => {
      if (size >= bytes) resolve();
      else reject(new Error(`${path}: ${size} bytes of ${bytes}`));
    });
  });
  asked.end();
  await promise;
}

import { request } from "node:http";
import type { MeasuredEngine } from "../engines/engine.ts";
import type { BenchCase } from "./case.ts";
import { timeCase } from "./timed.ts";

const stopped = 1_000;

/** `GET /containers/json?all=1` with a thousand containers that do not run. */
export const listCase: BenchCase = {
  name: "list",
  run: async (context) => {
    const engines = context.engines.filter((engine) => engine.socket !== "");
    for (const engine of engines) await createMany(engine);
    const contestants = engines.map(({ name, socket }) => ({ name, run: () => list(socket) }));
    const title = `List ${stopped} stopped containers, at the API`;
    const result = await timeCase(context, title, contestants);
    for (const { client } of engines) await client.call("container", "prune", "-f");
    return [result];
  },
};

async function createMany({ name, socket }: MeasuredEngine): Promise<void> {
  const body = JSON.stringify({ Image: "busybox", Cmd: ["true"] });
  for (let made = 0; made < stopped; made += 1) {
    const { code } = await send(socket, "POST", "/containers/create", body);
    if (code !== 201) throw new Error(`${name}: create answered ${code}`);
  }
}

async function list(socket: string): Promise<void> {
  const answer = await send(socket, "GET", "/containers/json?all=1", "");
  const found = (JSON.parse(answer.body) as unknown[]).length;
  if (found < stopped) throw new Error(`listed ${found} of ${stopped}`);
}

async function send(
  socketPath: string,
  method: string,
  path: string,
  body: string,
): Promise<{ code: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ code: number; body: string }>();
  const call = request({
    socketPath,
    method,
    path,
    headers: { "content-type": "application/json" },
  });
  call.once("error", reject);
  call.once("response", (response) => {
    const chunks: Buffer[] = [];
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.once("end", () =>
      resolve({ code: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
    );
  });
  call.end(body);
  return await promise;
}

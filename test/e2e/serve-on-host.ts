import { createInterface } from "node:readline";
import type { TestDaemon } from "./daemon.ts";

/**
 * Starts a program on the daemon's host that ends with the test; resolves once it has said on its standard error
 * that it is listening. `heard` is told what it says after that.
 */
export async function serveOnHost(
  daemon: TestDaemon,
  [program, ...args]: readonly [program: string, ...args: string[]],
  heard: (line: string) => void = () => undefined,
): Promise<void> {
  const { stderr } = daemon.spawnOnHost(program, ...args);
  const listening = Promise.withResolvers<void>();
  const said: string[] = [];
  const lines = createInterface({ input: stderr! });
  let isListening = false;
  lines.on("line", (line) => {
    if (isListening) heard(line);
    else if (line.includes("listening")) {
      isListening = true;
      listening.resolve();
    } else said.push(line);
  });
  lines.once("close", () => {
    listening.reject(new Error(`${program} ended before it listened: ${said.join("\n")}`));
  });
  await listening.promise;
}

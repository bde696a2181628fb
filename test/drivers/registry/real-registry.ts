import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

export interface RealRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
}

/** "duet" with password "secret", bcrypt. */
const passwords = "duet:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

/** Runs Debian's docker-registry on a free port of loopback for the length of a test. */
export async function startRegistry(
  context: TestContext,
  options: { readonly auth?: boolean } = {},
): Promise<RealRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "duet-registry-"));
  const config = join(folder, "config.json");
  const htpasswd = join(folder, "htpasswd");
  writeFileSync(htpasswd, passwords);
  writeFileSync(
    config,
    JSON.stringify({
      version: "0.1",
      log: { level: "info" },
      storage: { filesystem: { rootdirectory: join(folder, "data") }, delete: { enabled: true } },
      http: { addr: "127.0.0.1:0", secret: "test" },
      ...(options.auth === true
        ? { auth: { htpasswd: { realm: "duet test", path: htpasswd } } }
        : {}),
    }),
  );
  const child = spawn("docker-registry", ["serve", config], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  context.after(async () => {
    await stop(child);
    rmSync(folder, { recursive: true, force: true });
  });
  return { host: await listening(child) };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stderr! })) {
    const match = /listening on (127\.0\.0\.1:\d+)/.exec(line);
    if (match === null) continue;
    child.stderr!.resume();
    return match[1]!;
  }
  throw new Error("docker-registry ended before it listened");
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

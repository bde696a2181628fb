import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestDaemon } from "./daemon.ts";
import { serveOnHost } from "./serve-on-host.ts";

/** "duet" with password "secret", bcrypt. */
const passwords = "duet:$2y$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW\n";

/** A real registry on the loopback of the daemon's host; gives `host:port`. With `auth` it lets in only "duet", "secret"; `heard` is told what it logs. */
export async function startRegistry(
  daemon: TestDaemon,
  options: { readonly auth?: boolean; readonly heard?: (line: string) => void } = {},
): Promise<string> {
  const folder = join(daemon.folder, "registry");
  await mkdir(folder);
  const address = "127.0.0.1:5000";
  const htpasswd = join(daemon.folder, "htpasswd");
  await writeFile(htpasswd, passwords);
  const config = {
    version: 0.1,
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: folder }, delete: { enabled: true } },
    http: { addr: address },
    ...(options.auth === true ? { auth: { htpasswd: { realm: "test", path: htpasswd } } } : {}),
  };
  const path = join(folder, "config.json");
  await writeFile(path, JSON.stringify(config));
  await serveOnHost(daemon, ["docker-registry", "serve", path], options.heard);
  return address;
}

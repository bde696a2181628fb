import { cp, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { startRegistry } from "../../e2e/registry.ts";
import { serveOnHost } from "../../e2e/serve-on-host.ts";
import { clientsOfFile, daemonOfFile } from "../shared.ts";

const port = "8000";
const movingPort = 8_001;
let registry: Promise<string> | undefined;
let files: Promise<string> | undefined;

/** A registry beside the file's daemon that wants credentials, and the newest client logged in there. */
export async function registryOfFile(): Promise<string> {
  registry ??= daemonOfFile().then((daemon) => startRegistry(daemon, { auth: true }));
  const address = await registry;
  const client = await clientsOfFile("newest");
  const words = ["login", "-u", "duet", "--password-stdin", address];
  await client.succeed(words, { input: "secret" });
  return address;
}

/** A web server beside the file's daemon; gives the folder that it serves. Its URL is `filesUrl`. */
export async function servedFolder(): Promise<string> {
  files ??= startFiles();
  return await files;
}

export const filesUrl = `http://127.0.0.1:${port}`;

async function startFiles(): Promise<string> {
  const daemon = await daemonOfFile();
  const folder = await mkdtemp(join(daemon.folder, "served-"));
  const program = join(import.meta.dirname, "../../e2e/file-server.ts");
  await serveOnHost(daemon, [process.execPath, program, folder, port]);
  return folder;
}

/** Puts a folder's files into a repository of one commit, tagged v1, which the web server has as NAME.git. */
export async function serveRepository(from: string, name: string): Promise<string> {
  const folder = await servedFolder();
  const work = await mkdtemp(join(folder, "work-"));
  await cp(from, work, { recursive: true });
  const git = (...args: string[]) =>
    run("git", ["-c", "user.name=a", "-c", "user.email=a@a", ...args], {
      cwd: work,
      signal: never,
    });
  await git("init", "-q", "-b", "main");
  await git("add", ".");
  await git("commit", "-qm", "first");
  await git("tag", "v1");
  const bare = join(folder, `${name}.git`);
  await git("clone", "-q", "--bare", ".", bare);
  await git("-C", bare, "update-server-info");
  return `${filesUrl}/${name}.git`;
}

/** Moves the branch `main` of a served repository to a commit without files as soon as anybody connects to the port that it gives. */
export async function movedBy(url: string): Promise<number> {
  const bare = join(await servedFolder(), new URL(url).pathname);
  const program = `
    const { execFileSync } = require("node:child_process");
    const git = (...words) => execFileSync("git", ["-C", ${JSON.stringify(bare)}, ...words]).toString().trim();
    const empty = git("hash-object", "-w", "-t", "tree", "/dev/null");
    const commit = git("-c", "user.name=a", "-c", "user.email=a@a", "commit-tree", "-m", "second", empty);
    require("node:net").createServer((socket) => {
      git("update-ref", "refs/heads/main", commit);
      git("update-server-info");
      socket.end();
    }).listen(${movingPort}, "127.0.0.1", () => process.stderr.write("listening\\n"));`;
  await serveOnHost(await daemonOfFile(), [process.execPath, "-e", program]);
  return movingPort;
}

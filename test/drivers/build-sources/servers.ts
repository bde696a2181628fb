import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { temporaryFolder } from "../../native/rootfs/binary.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** An HTTP server on loopback for one test; gives its origin. */
export async function serve(context: TestContext, handler: Handler): Promise<string> {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface Repositories {
  readonly root: string;
  /** Makes a commit in `name` of what the script leaves; gives the commit. */
  commit(name: string, script: string): string;
  git(name: string, ...words: readonly string[]): string;
}

const identity = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b",
  GIT_AUTHOR_DATE: "@1000000000 +0000",
  GIT_COMMITTER_DATE: "@1000000000 +0000",
  GIT_CONFIG_GLOBAL: "/dev/null",
};

/** Repositories in a folder of their own. */
export function repositories(context: TestContext): Repositories {
  const root = temporaryFolder(context);
  const run = (name: string, program: string, words: readonly string[]): string =>
    execFileSync(program, words, {
      cwd: join(root, name),
      env: { PATH: process.env["PATH"], HOME: root, ...identity },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  const made = new Set<string>();
  const git = (name: string, ...words: readonly string[]): string =>
    run(name, "git", ["-c", "protocol.file.allow=always", ...words]);
  return {
    root,
    git,
    commit: (name, script) => {
      if (!made.has(name)) {
        mkdirSync(join(root, name), { recursive: true });
        git(name, "init", "-q", "-b", "main");
        made.add(name);
      }
      run(name, "sh", ["-ec", script]);
      git(name, "add", "-A");
      git(name, "commit", "-q", "--allow-empty", "-m", "x");
      return git(name, "rev-parse", "HEAD");
    },
  };
}

/** git's own server program behind HTTP, as a forge has it. */
export function gitHandler(root: string): Handler {
  return (request, response) => {
    const [path = "", query = ""] = (request.url ?? "").split("?");
    const child = spawn("git", ["http-backend"], {
      env: {
        PATH: process.env["PATH"],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: "1",
        GIT_CONFIG_COUNT: "1",
        GIT_CONFIG_KEY_0: "safe.directory",
        GIT_CONFIG_VALUE_0: "*",
        PATH_INFO: path,
        QUERY_STRING: query,
        REQUEST_METHOD: request.method,
        CONTENT_TYPE: request.headers["content-type"] ?? "",
        HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
        GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      },
      stdio: ["pipe", "pipe", "ignore"],
    });
    child.stdin.on("error", () => undefined);
    request.pipe(child.stdin);
    let head = Buffer.alloc(0);
    let isOpen = false;
    child.stdout.on("data", (chunk: Buffer) => {
      if (isOpen) response.write(chunk);
      else {
        head = Buffer.concat([head, chunk]);
        isOpen = openAnswer(response, head);
      }
    });
    child.stdout.on("end", () => response.end());
  };
}

/** Writes the head of a CGI answer once it is whole, and what has come after it. */
function openAnswer(response: ServerResponse, head: Buffer): boolean {
  const end = head.indexOf("\r\n\r\n");
  if (end < 0) return false;
  for (const line of head.subarray(0, end).toString().split("\r\n")) {
    const [name = "", value = ""] = line.split(/: (.*)/);
    if (name === "Status") response.statusCode = Number(value.slice(0, 3));
    else response.setHeader(name, value);
  }
  response.write(head.subarray(end + 4));
  return true;
}

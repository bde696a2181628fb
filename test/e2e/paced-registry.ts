import { createReadStream } from "node:fs";
import { readFile, watch, writeFile } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import type { TestDaemon } from "./daemon.ts";
import { serveOnHost } from "./serve-on-host.ts";

/** A registry on the daemon's loopback that sends half of one blob, and the rest when it is told. */
export interface PacedRegistry {
  readonly address: string;
  /** Sends the other half: what it should be, or as many zeros. */
  goOn(how: "honestly" | "with zeros"): Promise<void>;
}

const port = 5001;

/** Serves the OCI layout in `folder`, under any name and tag. */
export async function startPacedRegistry(
  daemon: TestDaemon,
  folder: string,
  paced: string,
): Promise<PacedRegistry> {
  const word = join(daemon.folder, "paced");
  await writeFile(word, "");
  await serveOnHost(daemon, [process.execPath, import.meta.filename, folder, paced, word]);
  return {
    address: `127.0.0.1:${port}`,
    goOn: (how) => writeFile(word, how),
  };
}

async function serve(folder: string, paced: string, word: string): Promise<void> {
  const blob = (digest: string): string => join(folder, "blobs", digest.replace(":", "/"));
  const top = JSON.parse(await readFile(join(folder, "index.json"), "utf8")) as {
    readonly manifests: readonly { readonly digest: string; readonly mediaType: string }[];
  };
  const server = createServer((request, response) => {
    const [, kind, name = ""] = /\/(manifests|blobs)\/([^/]+)$/.exec(request.url ?? "") ?? [];
    const { digest, mediaType } = top.manifests[0]!;
    if (kind === undefined) response.end();
    else if (kind === "manifests") {
      response.setHeader("content-type", mediaType).setHeader("docker-content-digest", digest);
      createReadStream(blob(digest)).pipe(response);
    } else if (name !== paced) createReadStream(blob(name)).pipe(response);
    else sendPaced(blob(name), word, response).catch(() => response.destroy());
  });
  server.listen(port, "127.0.0.1", () => process.stderr.write("listening\n"));
}

async function sendPaced(path: string, word: string, response: ServerResponse): Promise<void> {
  const bytes = await readFile(path);
  const half = Math.floor(bytes.length / 2);
  response.writeHead(200, { "content-length": bytes.length });
  response.write(bytes.subarray(0, half));
  const rest = bytes.subarray(half);
  response.end((await told(word)) === "honestly" ? rest : Buffer.alloc(rest.length));
}

async function told(word: string): Promise<string> {
  const changes = watch(dirname(word));
  for (;;) {
    // Watching begins with the first question, so it comes before the look.
    const change = changes.next();
    const text = await readFile(word, "utf8");
    if (text !== "") return text;
    await change;
  }
}

if (import.meta.main) {
  const [, , folder = "", paced = "", word = ""] = process.argv;
  await serve(folder, paced, word);
}

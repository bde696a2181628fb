import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

/* Run on the daemon's host: `file-server.ts FOLDER PORT` gives the files of a folder, and says when it listens. */
const [folder = "", port = ""] = process.argv.slice(2);

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url ?? "/", "http://host");
  const file = join(folder, normalize(decodeURIComponent(pathname)));
  const refuse = (): void => void response.writeHead(404).end();
  const send = (size: number): void => {
    response.writeHead(200, { "content-length": size });
    createReadStream(file).pipe(response);
  };
  void stat(file).then((found) => (found.isFile() ? send(found.size) : refuse()), refuse);
});
server.listen(Number(port), "127.0.0.1", () => process.stderr.write("listening\n"));

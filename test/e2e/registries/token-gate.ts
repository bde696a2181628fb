import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import type { TestDaemon } from "../daemon.ts";
import { serveOnHost } from "../serve-on-host.ts";

/** What the gate was asked, such as `token GET ada offline repository:a:pull` or `401 PATCH`. */
export interface TokenGate {
  /** `host:port` */
  readonly address: string;
  readonly asked: string[];
}

const port = 5002;

/** Where users are let in by tokens only, as at the big registries; behind it is the registry at `upstream`. */
export async function startTokenGate(daemon: TestDaemon, upstream: string): Promise<TokenGate> {
  const asked: string[] = [];
  const argv = [process.execPath, import.meta.filename, upstream] as const;
  await serveOnHost(daemon, argv, (line) => asked.push(line));
  return { address: `127.0.0.1:${port}`, asked };
}

/** Users, all with the password "secret"; the guest may only read. */
const users = new Set(["ada", "guest"]);

class Gate {
  private readonly upstream: string;
  /** Users by the tokens that still hold. */
  private readonly tokens = new Map<string, string>();
  private issued = 0;
  private readonly cut = new Set<string>();

  constructor(upstream: string) {
    this.upstream = upstream;
  }

  async answer(asked: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(asked.url ?? "", "http://gate");
    if (url.pathname === "/token") await this.token(asked, url, response);
    else this.pass(asked, response);
  }

  private async token(asked: IncomingMessage, url: URL, response: ServerResponse): Promise<void> {
    const form =
      asked.method === "POST" ? new URLSearchParams(await text(asked)) : url.searchParams;
    const [name = "", password = ""] = Buffer.from(
      asked.headers.authorization?.replace("Basic ", "") ?? "",
      "base64",
    )
      .toString()
      .split(":");
    const identity = /^identity-of-(\w+)$/.exec(form.get("refresh_token") ?? "")?.[1];
    const user = identity ?? (password === "secret" ? name : "");
    const isOffline = form.get("offline_token") === "true";
    say(
      `token ${asked.method} ${user}${isOffline ? " offline" : ""} ${form.getAll("scope").join(" ")}`,
    );
    if (!users.has(user)) {
      response.writeHead(401).end(`{"details":"incorrect username or password"}`);
      return;
    }
    const token = `token-${(this.issued += 1)}`;
    this.tokens.set(token, user);
    const refresh = isOffline ? { refresh_token: `identity-of-${user}` } : {};
    const field = asked.method === "POST" ? "access_token" : "token";
    response.end(JSON.stringify({ [field]: token, expires_in: 300, ...refresh }));
  }

  private pass(asked: IncomingMessage, response: ServerResponse): void {
    const writes = asked.method !== "GET" && asked.method !== "HEAD";
    const isMiddle = asked.method === "PATCH" || /\/cut\/.*manifests/.test(asked.url ?? "");
    if (writes && isMiddle && !this.cut.has(asked.method ?? "")) {
      // Once for each kind, in the middle of a push, every token ends before its time.
      this.cut.add(asked.method ?? "");
      this.tokens.clear();
    }
    const user = this.tokens.get(asked.headers.authorization?.replace("Bearer ", "") ?? "");
    if (user === undefined) {
      say(`401 ${asked.method}`);
      const challenge = `Bearer realm="http://127.0.0.1:${port}/token",service="gate"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    } else if (user === "guest" && writes) {
      const message = "requested access to the resource is denied";
      response.writeHead(403).end(JSON.stringify({ errors: [{ code: "DENIED", message }] }));
    } else this.forward(asked, response);
  }

  private forward(asked: IncomingMessage, response: ServerResponse): void {
    const { authorization: _, ...headers } = asked.headers;
    const url = new URL(asked.url ?? "", `http://${this.upstream}`);
    const onward = request(url, { method: asked.method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    asked.pipe(onward);
  }
}

function say(line: string): void {
  process.stderr.write(`${line.trim()}\n`);
}

if (import.meta.main) {
  const gate = new Gate(process.argv[2] ?? "");
  const server = createServer((asked, response) => {
    gate.answer(asked, response).catch(() => response.destroy());
  });
  server.listen(port, "127.0.0.1", () => say("listening"));
}

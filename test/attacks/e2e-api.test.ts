import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestDaemon } from "../e2e/daemon.ts";
import { loadHostile } from "./hostile-image.ts";
import { attacks } from "./shared-daemon.ts";

/* Group F of the attack list against the real daemon: rubbish on its socket, and what it costs. */

const attack = attacks();
/** Bytes of memory that a daemon has at most after all of this, as `VmRSS`. */
const ceiling = 350 << 20;

/** What comes back on a connection that sends `pieces` and then ends; "" where it is cut off. */
async function send(daemon: TestDaemon, ...pieces: readonly (string | Buffer)[]): Promise<string> {
  const socket = connect(daemon.socket);
  const cut = AbortSignal.timeout(60_000);
  cut.addEventListener("abort", () => socket.destroy());
  socket.on("error", () => undefined);
  for (const piece of pieces) socket.write(piece);
  socket.end();
  return await text(socket).catch(() => "");
}

/** Sends and is gone, without a look at the answer. */
async function leave(daemon: TestDaemon, ...pieces: readonly (string | Buffer)[]): Promise<void> {
  const socket = connect(daemon.socket);
  socket.on("error", () => undefined);
  for (const piece of pieces) socket.write(piece);
  socket.end(() => socket.destroy());
  if (!socket.destroyed) await new Promise((resolve) => socket.once("close", resolve));
}

/** VmRSS of the daemon in bytes. */
function residentBytes(daemon: TestDaemon): number {
  const root = join(daemon.folder, "data");
  const pid = readdirSync("/proc").find((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0");
      return words.includes("--data-root") && words.includes(root) && !words.includes("nsenter");
    } catch {
      return false;
    }
  });
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024;
}

attack(
  "random bytes, half requests and foreign protocols get an error or nothing (F73, F74)",
  async (daemon) => {
    for (let round = 0; round < 200; round += 1) {
      const answer = await send(daemon, randomBytes(1 + round * 50));
      assert.match(answer, /^$|^HTTP\/1\.1 400/);
    }
    const whole =
      'POST /v1.43/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{"Image":"busybox"}';
    for (let size = 1; size < whole.length; size += 7) {
      const answer = await send(daemon, whole.slice(0, size));
      assert.doesNotMatch(answer, /^HTTP\/1\.1 (2|5)/, whole.slice(0, size));
    }
    for (const start of [
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET /_ping HTTP/9.9\r\n\r\n",
      "\0".repeat(10_000),
      "GET",
    ]) {
      assert.doesNotMatch(await send(daemon, Buffer.from(start, "latin1")), /^HTTP\/1\.1 [25]/);
    }
  },
);

attack(
  "heads of 10⁴ bytes are read, larger ones end in 431, and bodies over the limit in 413 (F73)",
  async (daemon) => {
    const ping = (size: number): string =>
      `GET /_ping HTTP/1.1\r\nHost: d\r\nX-Long: ${"x".repeat(size)}\r\nConnection: close\r\n\r\n`;
    assert.match(await send(daemon, ping(10_000)), /^HTTP\/1\.1 200/);
    assert.match(await send(daemon, ping(1 << 20)), /^HTTP\/1\.1 431|^$/);
    const many = Array.from({ length: 10_000 }, (_, at) => `X-${at}: y`).join("\r\n");
    assert.match(
      await send(daemon, `GET /_ping HTTP/1.1\r\nHost: d\r\n${many}\r\n\r\n`),
      /^HTTP\/1\.1 431|^$/,
    );
    const big = await send(
      daemon,
      `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${64 << 20}\r\n\r\n`,
      Buffer.alloc(8 << 20, "x"),
    );
    assert.match(big, /^HTTP\/1\.1 413|^$/);
  },
);

attack(
  "hosts, origins and paths that a browser or a rebinding could bring are refused (F71, F75)",
  async (daemon) => {
    const ask = (path: string, head = "Host: d"): Promise<string> =>
      send(daemon, `GET ${path} HTTP/1.1\r\n${head}\r\nConnection: close\r\n\r\n`);
    assert.match(await ask("/_ping", "Host: evil.example.com"), /^HTTP\/1\.1 421/);
    assert.match(
      await ask("/info", "Host: d\r\nOrigin: https://evil.example.com"),
      /^HTTP\/1\.1 403/,
    );
    for (const path of [
      "/containers/..%2f..%2fetc/json",
      "/containers/a%00b/json",
      "/images/%2e%2e%2f/json",
      "/volumes/..%2f..%2fetc",
      "/networks/%00",
      "/containers/%252e%252e/archive?path=/",
    ]) {
      assert.match(await ask(path), /^HTTP\/1\.1 40[04]/, path);
    }
  },
);

attack(
  "a body of other types, depths and numbers is refused with the field's name (F76)",
  async (daemon) => {
    const bodies = [
      '{"Image":"x","HostConfig":{"Memory":"1e9"}}',
      '{"Image":"x","HostConfig":{"Memory":9007199254740993}}',
      '{"Image":["x"]}',
      "[]",
      "null",
      '{"Image":"x","HostConfig":[]}',
      `{"Image":${"[".repeat(100_000)}`,
      '{"Image":"x","Image":"y"}',
      '{"__proto__":{"Image":"x"}}',
    ];
    for (const body of bodies) {
      const answer = await send(
        daemon,
        `POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
      assert.match(answer, /^HTTP\/1\.1 40[04]/, body.slice(0, 80));
      assert.doesNotMatch(answer, /at .*\.ts:\d/);
    }
  },
);

attack(
  "a secret in the environment or a registry's password is in no log and no event (F83)",
  async (daemon) => {
    await loadHostile(daemon, { name: "plain" });
    const secret = `hidden-${randomBytes(8).toString("hex")}`;
    await daemon.docker("run", "--rm", "-e", `TOKEN=${secret}`, "plain", "true");
    const auth = Buffer.from(JSON.stringify({ username: "u", password: secret })).toString(
      "base64url",
    );
    await send(
      daemon,
      `POST /images/create?fromImage=127.0.0.1:1/x&tag=y HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: ${auth}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
    );
    assert.doesNotMatch(await daemon.log(), new RegExp(secret));
    const events = await daemon.docker(
      "events",
      "--since",
      "10m",
      "--until",
      "0s",
      "--format",
      "{{json .}}",
    );
    assert.doesNotMatch(events, new RegExp(secret));
  },
);

attack(
  "a second daemon on the same data root is refused, and the first serves on (I112)",
  async (daemon) => {
    const launcher = join(import.meta.dirname, "../../bin/duetd");
    const root = ["--data-root", join(daemon.folder, "data")];
    const other = ["--run-dir", join(daemon.folder, "run2"), "--vm-pool-size", "0"];
    const second = await daemon.tryOnHost([launcher, ...root, ...other]);
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, /in use|another|lock/i);
    await daemon.docker("run", "--rm", "plain", "true");
  },
);

attack("a data root that is none is refused in words, and soon", async (daemon, place) => {
  const launcher = join(import.meta.dirname, "../../bin/duetd");
  const run = ["--run-dir", join(daemon.folder, "run3"), "--vm-pool-size", "0"];
  const file = join(daemon.folder, "no-folder");
  writeFileSync(file, "", { mode: 0o644 });
  for (const root of [file, join(file, "below"), "/proc/none/below"]) {
    const { code, stderr } = await daemon.tryOnHost([launcher, "--data-root", root, ...run]);
    assert.equal(code, 1);
    assert.match(stderr, /^duetd: cannot use the data root: .* · .*\n {2}name a folder .*\n$/);
  }
  assert.equal(statSync(file).mode & 0o777, 0o644);
  place.check();
});

attack("after all of this the daemon is no larger than it may be", async (daemon) => {
  const bytes = residentBytes(daemon);
  assert.ok(bytes > 0 && bytes < ceiling, `${bytes >> 20} MiB`);
});

attack(
  "clients that leave while they send a context, an archive or a disk end their own request alone (F74, C50)",
  async (daemon) => {
    const heads = [
      "POST /v1.51/build",
      "POST /v1.51/images/load",
      "POST /v1.51/images/create?fromSrc=-",
      "POST /v1.51/build/prune",
      "POST /duet/v1/images/import-disk?reference=x:y",
      "PUT /v1.51/containers/none/archive?path=/",
      "POST /v1.51/images/create?fromImage=127.0.0.1:1/none",
    ];
    const bodies: readonly (readonly [fields: string, start: Buffer])[] = [
      ["Content-Length: 0", Buffer.alloc(0)],
      ["Content-Length: 100000", Buffer.from("abc")],
      ["Transfer-Encoding: chunked", Buffer.from("ffff\r\nabc")],
      ["Transfer-Encoding: chunked", Buffer.from("ZZ\r\nabc")],
      ["Content-Length: 100000", Buffer.concat([Buffer.from([0x1f, 0x8b]), randomBytes(5_000)])],
    ];
    for (let round = 0; round < 5; round += 1) {
      const sent = heads.flatMap((head) =>
        bodies.map(async ([fields, start]) => {
          const request = `${head} HTTP/1.1\r\nHost: d\r\n${fields}\r\n\r\n`;
          await leave(daemon, request, start);
        }),
      );
      await Promise.all(sent);
      assert.equal(await daemon.request("GET", "/_ping").body, "OK");
    }
  },
);

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { BuildSources, GitRequest } from "../../../src/domain/build/sources.ts";
import { openContextStore } from "../../../src/drivers/build-files/context-store.ts";
import { openBuildSources } from "../../../src/drivers/build-sources/sources.ts";
import { never } from "../../../src/kit/abort.ts";
import { isDuetError } from "../../../src/kit/errors.ts";
import type { HttpProxies } from "../../../src/kit/http-proxy.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { rootfsBinary, temporaryFolder } from "../../native/rootfs/binary.ts";
import { startProxy } from "../../e2e/http-proxy.ts";
import { listing } from "../build-files/trees.ts";
import { gitHandler, repositories, serve } from "./servers.ts";

async function open(
  context: TestContext,
  allowed: readonly string[] = ["127.0.0.0/8"],
  proxies: HttpProxies = { httpProxy: "", httpsProxy: "", noProxy: "" },
): Promise<BuildSources> {
  const directory = temporaryFolder(context);
  const contexts = await openContextStore({
    directory: join(directory, "contexts"),
    binary: rootfsBinary,
    log: silentLog,
  });
  return await openBuildSources({ directory, contexts, rules: { allowed, proxies } });
}

async function textOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of content) parts.push(part);
  return Buffer.concat(parts).toString();
}

const sha256 = (text: string): string =>
  `sha256:${createHash("sha256").update(text).digest("hex")}`;

test("a file comes with its name and time, and is fetched again only where it changed", async (t) => {
  const sources = await open(t);
  const asked: string[] = [];
  let body = "one";
  const origin = await serve(t, (request, response) => {
    asked.push(request.headers["if-none-match"] ?? "");
    const etag = `"${body}"`;
    response.setHeader("etag", etag).setHeader("last-modified", "Sun, 09 Sep 2001 01:46:40 GMT");
    if (request.headers["if-none-match"] === etag) response.writeHead(304).end();
    else response.end(body);
  });
  const request = { url: `${origin}/a/file.txt?x=1`, checksum: null };
  for (const expected of ["one", "one", "two"]) {
    body = expected;
    await using file = await sources.url(request, never);
    assert.deepEqual(
      [file.name, file.modifiedAt, file.size, file.digest],
      ["file.txt", 1e12, 3, sha256(expected)],
    );
    assert.equal(await textOf(file.content()), expected);
  }
  assert.deepEqual(asked, ["", '"one"', '"one"']);
  const [kept] = await sources.list();
  assert.deepEqual([kept?.url, kept?.size], [request.url, 3]);
  await sources.remove(request.url);
  assert.deepEqual(await sources.list(), []);
});

test("a checksum is kept to, and spares asking where it is known", async (t) => {
  const sources = await open(t);
  let asked = 0;
  const origin = await serve(t, (_request, response) => {
    asked += 1;
    response.end("content");
  });
  const url = `${origin}/`;
  await assert.rejects(
    sources.url({ url, checksum: sha256("other") }, never),
    (error) => isDuetError(error, "invalid") && error.code === "CHECKSUM_MISMATCH",
  );
  for (let time = 0; time < 2; time += 1) {
    await using file = await sources.url({ url, checksum: sha256("content") }, never);
    assert.equal(file.name, "download");
  }
  assert.equal(asked, 1, "the content was there after the first");
});

test("a Dockerfile reaches no loopback, link-local or reserved address, by name, number or redirect (B33, C51)", async (t) => {
  const open = await serve(t, (request, response) => {
    if (request.url === "/meta")
      response.writeHead(302, { location: "http://169.254.169.254/latest" }).end();
    else response.end("secret");
  });
  const strict = await openStrict(t);
  for (const url of [
    open,
    "http://localhost:1/",
    "http://[::1]/",
    "http://169.254.169.254/latest",
    "http://0.0.0.0/",
    "http://[::ffff:127.0.0.1]/",
  ]) {
    await assert.rejects(
      strict.url({ url, checksum: null }, never),
      (error) => isDuetError(error, "denied"),
      url,
    );
  }
  const lenient = await openLenient(t);
  await assert.rejects(lenient.url({ url: `${open}/meta`, checksum: null }, never), (error) =>
    isDuetError(error, "denied"),
  );
  for (const url of ["file:///etc/passwd", "ftp://x/", "gopher://x", "http://", "x"]) {
    await assert.rejects(
      lenient.url({ url, checksum: null }, never),
      (error) => isDuetError(error, "invalid"),
      url,
    );
  }
});

const openStrict = (t: TestContext): Promise<BuildSources> => open(t, []);
const openLenient = (t: TestContext): Promise<BuildSources> => open(t);

test("files and repositories are fetched by the daemon's proxy, but for what it does not stand before", async (t) => {
  const repos = repositories(t);
  repos.commit("r.git", "echo 1 > a");
  const git = gitHandler(repos.root);
  const origin = await serve(t, (request, response) => {
    const { url = "" } = request;
    if (url.startsWith("/r.git")) git(request, response);
    else if (url === "/inwards") response.writeHead(302, { location: origin }).end();
    else response.end(`${request.headers.host} gives ${url}`);
  });
  const asked: string[] = [];
  const proxy = await startProxy(Number(new URL(origin).port), 0, (line) => asked.push(line));
  t.after(() => proxy.close());
  const httpProxy = `http://user:p%40ss@127.0.0.1:${proxy.port}`;
  const proxies = { httpProxy, httpsProxy: httpProxy, noProxy: "direct.test" };
  const sources = await open(t, [], proxies);
  const at = (url: string): Parameters<BuildSources["url"]>[0] => ({ url, checksum: null });
  {
    await using file = await sources.url(at("http://files.test/one"), never);
    assert.equal(await textOf(file.content()), "files.test gives /one");
  }
  assert.deepEqual(asked.splice(0), ["GET http://files.test/one"]);
  const listed = await files(sources, { ...anyRef, url: "http://git.test/r.git/.git" });
  assert.deepEqual(listed, ["a -rw-r--r-- 0:0 = 1"]);
  assert.ok(
    asked.length > 2 && asked.every((line) => line.includes("http://git.test/r.git/.git/")),
  );
  asked.splice(0);
  // Where TLS is spoken, the proxy is asked for a tunnel.
  const broken = sources.url(at("https://files.test/one"), never);
  await assert.rejects(broken, (error) => isDuetError(error, "unavailable"));
  assert.deepEqual(asked.splice(0), ["CONNECT files.test:443"]);
  const denied = (error: unknown): boolean => isDuetError(error, "denied");
  await assert.rejects(sources.url(at("http://169.254.169.254/latest"), never), denied);
  await assert.rejects(sources.url(at(`${origin}/one`), never), denied);
  await assert.rejects(
    sources.url(at("http://direct.test/one"), never),
    (error) => isDuetError(error, "unavailable") && /direct\.test/.test(error.message),
  );
  assert.deepEqual(asked.splice(0), [], "none of these is the proxy's");
  await assert.rejects(sources.url(at("http://files.test/inwards"), never), denied);
});

test("what a server says no to, breaks off or names badly is told so", async (t) => {
  const sources = await open(t);
  const origin = await serve(t, (request, response) => {
    if (request.url === "/404") response.writeHead(404).end();
    else if (request.url === "/500") response.writeHead(500).end();
    else if (request.url === "/loop") response.writeHead(301, { location: "/loop" }).end();
    else if (request.url === "/cut") {
      response.writeHead(200, { "content-length": "100" }).write("part");
      setImmediate(() => response.destroy());
    } else response.setHeader("content-disposition", 'attachment; filename="../../etc/x"').end("x");
  });
  const refuses = async (path: string, kind: string): Promise<void> =>
    await assert.rejects(
      sources.url({ url: `${origin}${path}`, checksum: null }, never),
      (error) => isDuetError(error) && error.class === kind,
      path,
    );
  await refuses("/404", "not-found");
  await refuses("/500", "unavailable");
  await refuses("/loop", "unavailable");
  await refuses("/cut", "unavailable");
  await using named = await sources.url({ url: `${origin}/n`, checksum: null }, never);
  assert.equal(named.name, "download");
  assert.equal((await sources.list()).length, 1, "nothing half fetched is kept");
});

const anyRef: Omit<GitRequest, "url"> = {
  ref: "",
  checksum: null,
  keepGitFolder: false,
  submodules: true,
  authorization: null,
  sshSocket: null,
};

async function files(sources: BuildSources, request: GitRequest): Promise<readonly string[]> {
  await using fetched = await sources.git(request, never);
  const { mounts } = await fetched.tree.files(never);
  return listing(mounts[0]!.source);
}

test("a folder of a repository comes as if it were the root, and only a real one (C44)", async (t) => {
  const repos = repositories(t);
  repos.commit(
    "r.git",
    "mkdir -p d/e f; echo x > d/e/x; echo y > f/y; ln -s ../f d/out; ln -s f link",
  );
  const origin = await serve(t, gitHandler(repos.root));
  const sources = await open(t);
  const url = `${origin}/r.git/.git`;
  const below = { ...anyRef, url, subdirectory: "d" };
  const expected = ["e drwxr-xr-x 0:0", "e/x -rw-r--r-- 0:0 = x", "out lrwxrwxrwx 0:0 -> ../f"];
  assert.deepEqual(await files(sources, below), expected);
  const deep = await files(sources, { ...below, subdirectory: "d/e" });
  assert.deepEqual(deep, ["x -rw-r--r-- 0:0 = x"]);
  for (const subdirectory of ["link", "none", "d/e/x", "d/out"]) {
    await assert.rejects(
      files(sources, { ...anyRef, url, subdirectory }),
      (error) => isDuetError(error, "not-found"),
      subdirectory,
    );
  }
});

test("a repository's files come at a branch, a tag, a commit or HEAD, whole and root's", async (t) => {
  const repos = repositories(t);
  const first = repos.commit(
    "r.git",
    "echo 1 > a; mkdir d; echo x > d/run; chmod 755 d/run; ln -s a l; echo 'd export-ignore' > .gitattributes",
  );
  repos.git("r.git", "tag", "-a", "v1", "-m", "x");
  repos.git("r.git", "branch", "side");
  repos.commit("r.git", "echo 2 > a");
  const origin = await serve(t, gitHandler(repos.root));
  const temporary = temporaryFiles(t);
  const sources = await open(t);
  const url = `${origin}/r.git/.git`;
  assert.deepEqual(await files(sources, { ...anyRef, url }), [
    ".gitattributes -rw-r--r-- 0:0 = d export-ignore",
    "a -rw-r--r-- 0:0 = 2",
    "d drwxr-xr-x 0:0",
    "d/run -rwxr-xr-x 0:0 = x",
    "l lrwxrwxrwx 0:0 -> a",
  ]);
  for (const ref of ["side", "v1", "refs/tags/v1", first]) {
    assert.ok(
      (await files(sources, { ...anyRef, url, ref })).includes("a -rw-r--r-- 0:0 = 1"),
      ref,
    );
  }
  await assert.rejects(files(sources, { ...anyRef, url, ref: "nowhere" }), (error) =>
    isDuetError(error, "not-found"),
  );
  await assert.rejects(
    files(sources, { ...anyRef, url, checksum: "0000000" }),
    /expected checksum/,
  );
  await files(sources, { ...anyRef, url, ref: "side", checksum: first.slice(0, 8) });
  assert.deepEqual(readdirSync(temporary), []);
});

/** Folder for this test's temporary files alone, which git's user, nobody, passes through. */
function temporaryFiles(t: TestContext): string {
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o711);
  const { TMPDIR: before } = process.env;
  process.env["TMPDIR"] = folder;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  return folder;
}

test("the repository itself comes along where it is asked for, and is one", async (t) => {
  const repos = repositories(t);
  const commit = repos.commit("r.git", "echo 1 > a");
  const origin = await serve(t, gitHandler(repos.root));
  const sources = await open(t);
  await using fetched = await sources.git(
    { ...anyRef, url: `${origin}/r.git/.git`, keepGitFolder: true },
    never,
  );
  const folder = (await fetched.tree.files(never)).mounts[0]!.source;
  assert.equal(
    repos.git(
      "r.git",
      "-c",
      "safe.directory=*",
      "--git-dir",
      join(folder, ".git"),
      "rev-parse",
      "HEAD",
    ),
    commit,
  );
  assert.equal(fetched.commit, commit);
});

test("submodules come in their folders; what is no plain folder or protocol is passed over (C44)", async (t) => {
  const repos = repositories(t);
  const origin = await serve(t, gitHandler(repos.root));
  const inner = repos.commit("inner", "echo in > file");
  const link = (path: string): string =>
    `git update-index --add --cacheinfo 160000,${inner},${path}`;
  repos.commit(
    "outer",
    `
    printf '[submodule "ok"]\\n path = sub/ok\\n url = ../../inner/.git\\n' > .gitmodules
    printf '[submodule "evil"]\\n path = evil\\n url = ext::sh -c id\\n' >> .gitmodules
    ${link("sub/ok")}; ${link("evil")}; mkdir -p sub/ok evil`,
  );
  repos.commit(
    "option",
    `
    printf '[submodule "option"]\n path = option\n url = --upload-pack=touch\n' > .gitmodules`,
  );
  const sources = await open(t);
  await assert.rejects(
    files(sources, { ...anyRef, url: `${origin}/option/.git` }),
    /disallowed submodule url/,
  );
  const found = await files(sources, { ...anyRef, url: `${origin}/outer/.git` });
  assert.deepEqual(
    found.filter((line) => / [-dl][-rwx]{9} /.test(line)).map((line) => line.split(" ")[0]),
    [".gitmodules", "evil", "sub", "sub/ok", "sub/ok/file"],
  );
});

test("addresses that are options, other protocols or this host's own are refused before git runs (C44)", async (t) => {
  const sources = await open(t);
  const strict = await openStrict(t);
  for (const url of [
    "--upload-pack=touch /tmp/x",
    "ext::sh -c id",
    "file:///etc",
    "-oProxyCommand=id@x:y",
    "ssh://-oProxyCommand=id/x",
    "git@-x:y",
    "http://",
    "/etc",
    "http://h\n/x",
  ]) {
    await assert.rejects(
      sources.git({ ...anyRef, url }, never),
      (error) => isDuetError(error, "invalid"),
      url,
    );
  }
  await assert.rejects(strict.git({ ...anyRef, url: "http://127.0.0.1:1/x.git" }, never), (error) =>
    isDuetError(error, "denied"),
  );
  await assert.rejects(
    strict.git({ ...anyRef, url: "git://169.254.169.254/x.git" }, never),
    (error) => isDuetError(error, "denied"),
  );
});

test("a name that leads elsewhere once it was checked leads git and ssh nowhere else (C51)", async (t) => {
  const directory = temporaryFolder(t);
  const program = join(import.meta.dirname, "moved-name.ts");
  const script = 'ip link set lo up && exec "$@"';
  const words = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--", "sh", "-c", script];
  const { stdout } = await run("unshare", [...words, "sh", process.execPath, program, directory], {
    signal: AbortSignal.timeout(120_000),
  });
  assert.equal(stdout.toString(), "fetched\nfetched\n");
});

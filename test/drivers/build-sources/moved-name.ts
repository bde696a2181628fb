import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { openContextStore } from "../../../src/drivers/build-files/context-store.ts";
import { openBuildSources } from "../../../src/drivers/build-sources/sources.ts";
import { never } from "../../../src/kit/abort.ts";
import { silentLog } from "../../../src/kit/log.ts";
import { rootfsBinary } from "../../native/rootfs/binary.ts";

/**
 * In namespaces of its own: a name that leads elsewhere as soon as git runs. Fetches a repository by git's own protocol
 * and by ssh, and says what came. What serves it ends with the namespace.
 */
const [directory = ""] = process.argv.slice(2);
const repository = join(directory, "root/repo.example/r");
const programs = join(directory, "bin");
const hosts = join(directory, "hosts");
for (const folder of [repository, programs]) mkdirSync(folder, { recursive: true });
const run = (program: string, ...words: readonly string[]): string =>
  execFileSync(program, words, {
    encoding: "utf8",
    env: { PATH: "/usr/bin:/bin", HOME: directory },
  });
const git = (...words: readonly string[]): string =>
  run("/usr/bin/git", "-C", repository, ...words);
git("init", "-q", "-b", "main");
git(...["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"]);
const before = "127.0.0.2 repo.example\n127.0.0.4 repo.example\n";
writeFileSync(hosts, before, { mode: 0o666 });
const program = (name: string, script: string): void =>
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
program("git", 'echo "127.0.0.3 repo.example" > /etc/hosts; exec /usr/bin/git "$@"');
program(
  "ssh",
  'case "$*" in *HostName=127.0.0.2*) ;; *) exit 9;; esac; for last; do :; done; export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="*"; exec sh -c "$last"',
);
run("chmod", "-R", "a+rwX", directory);
run("mount", "--bind", hosts, "/etc/hosts");
run("mount", "--bind", programs, "/usr/local/bin");

const serve = (name: string, ...words: readonly string[]): void =>
  spawn(name, words, { stdio: "ignore" }).unref();
serve(
  "/usr/bin/git",
  ...["-c", "safe.directory=*", "daemon", "--listen=127.0.0.2", "--export-all"],
  ...[`--base-path=${directory}/root`, `--interpolated-path=${directory}/root/%H%D`],
);
const ssh = "import socket; s = socket.create_server(('127.0.0.2', 22))\nwhile True: s.accept()";
serve("/usr/bin/python3", "-c", ssh);
await Promise.all([listens(9418), listens(22)]);

const contexts = await openContextStore({
  directory: join(directory, "contexts"),
  binary: rootfsBinary,
  log: silentLog,
});
const proxies = { httpProxy: "", httpsProxy: "", noProxy: "" };
const sources = await openBuildSources({
  directory,
  contexts,
  rules: { allowed: ["127.0.0.2/32", "127.0.0.4/32"], proxies },
});
for (const url of ["git://repo.example/r", `ssh://git@repo.example${repository}`]) {
  writeFileSync(hosts, before);
  await using fetched = await sources.git(
    {
      url,
      ref: "main",
      checksum: null,
      keepGitFolder: false,
      submodules: false,
      authorization: null,
      sshSocket: null,
    },
    never,
  );
  console.log(fetched.commit === git("rev-parse", "HEAD").trim() ? "fetched" : "another");
}

/** Resolves when the port takes connections. */
async function listens(port: number): Promise<void> {
  const isOpen = await new Promise<boolean>((resolve) => {
    const socket = connect(port, "127.0.0.2", () => resolve(true));
    socket.once("error", () => resolve(false)).once("connect", () => socket.destroy());
  });
  if (!isOpen) await listens(port);
}

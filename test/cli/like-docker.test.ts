import assert from "node:assert/strict";
import { test } from "node:test";
import { RunningServer } from "../servers/docker/running-server.ts";
import { runLine, type Outcome } from "./run-line.ts";

/** No credentials of whoever runs the tests. */
process.env["DOCKER_CONFIG"] = "/nonexistent";

async function duet(
  server: RunningServer,
  args: readonly string[],
  input?: string,
): Promise<Outcome> {
  return await runLine(["--host", server.socket, ...args], input);
}

test("run, exec and friends print and exit as the docker client does", async (context) => {
  await using server = await RunningServer.start();
  await server.docker("docker", [
    "run",
    "-d",
    "--name",
    "web",
    "-l",
    "a=b",
    "-p",
    "8080:80",
    "busybox",
    "serve",
  ]);
  const lines: readonly (readonly [string, string?])[] = [
    ["run --rm busybox echo hi"],
    ["run --rm busybox warn careful"],
    ["run --rm busybox exit 42"],
    ["run -i --rm busybox cat", "through\n"],
    ["exec web echo inside"],
    ["exec web exit 3"],
    ["exec -i web cat", "in\n"],
    ["logs web"],
    ["logs -t web"],
    ["diff web"],
    ["port web"],
    ["images"],
    ["images -q --no-trunc"],
    ["images --format {{.Repository}}:{{.Tag}}"],
    ["network ls"],
    ["network ls -q"],
    ["volume ls"],
    ["history --format json busybox"],
    ["history --human=false --format {{.CreatedSince}} busybox"],
    ["system df"],
    ["ps -aq --no-trunc"],
    ["ps --format {{.Names}}|{{.Image}}|{{.Command}}|{{.Ports}}|{{.State}}|{{.Labels}}"],
    ['ps --format {{.Label "a"}}'],
    ["ps --format table {{.Names}}\\t{{.Image}}"],
    ["inspect -f {{.State.Status}} web"],
    ["inspect -f {{json .Config.Labels}} web"],
    ["inspect -f {{.Name}}{{range $k,$v:=.HostConfig.PortBindings}}{{$k}}{{end}} web"],
    ["stats --no-stream --format {{.Name}} {{.MemUsage}} {{.NetIO}} {{.BlockIO}} {{.PIDs}} web"],
  ];
  for (const [line, input] of lines) {
    await context.test(line, async () => {
      const args = splitFormat(line);
      const [theirs, ours] = [
        await server.docker("docker", args, input),
        await duet(server, args, input),
      ];
      assert.deepEqual(
        { code: ours.code, stdout: ours.stdout },
        { code: theirs.code, stdout: theirs.stdout },
      );
    });
  }
});

/** Words at spaces; everything after `--format` or `-f` up to the last plain word is one. */
function splitFormat(line: string): string[] {
  const match = /^(.*?(?:--format|-f)) (.*?)( web)?$/.exec(line);
  if (match === null) return line.split(" ");
  return [...match[1]!.split(" "), match[2]!, ...(match[3] === undefined ? [] : ["web"])];
}

test("failures say what, why and what to do, with Docker's exit codes", async () => {
  await using server = await RunningServer.start();
  const missing = await duet(server, ["rm", "nope"]);
  assert.deepEqual([missing.code, missing.stderr.trim()], [1, "duet: No such container: nope"]);
  const unknown = await duet(server, ["run", "--rmm", "busybox"]);
  assert.equal(unknown.code, 125);
  assert.match(unknown.stderr, /unknown flag: --rmm\nhint: did you mean --rm\?/);
  const notFound = await duet(server, ["pull", "nowhere/image"]);
  assert.equal(notFound.code, 1);
  assert.match(notFound.stderr, /manifest for nowhere\/image/);
  const typo = await duet(server, ["imagse"]);
  assert.match(typo.stderr, /did you mean 'duet images'/);
  const wrongGroup = await duet(server, ["image", "nonsense"]);
  assert.deepEqual(
    [wrongGroup.code, wrongGroup.stderr.includes("see 'duet image --help'")],
    [1, true],
  );
  const noFlag = await duet(server, ["ps", "--xyzzy"]);
  assert.deepEqual([noFlag.code, noFlag.stderr.includes("see 'duet ps --help'")], [125, true]);
  const tooFew = await duet(server, ["exec", "web"]);
  assert.equal(tooFew.code, 1);
  for (const line of ["load -i", "import", "image import-disk"]) {
    const noFile = await duet(server, [...line.split(" "), "/nowhere-4711"]);
    assert.equal(noFile.code, 1);
    assert.match(
      noFile.stderr,
      /^duet: cannot read the file · no such file or directory · \/nowhere-4711$/m,
    );
  }
  const noFolder = await duet(server, ["save", "-o", "/nowhere-4711/x.tar", "busybox"]);
  assert.match(
    noFolder.stderr,
    /cannot write the file · no such file or directory · \/nowhere-4711\/x\.tar/,
  );
  const no = await duet(server, ["container", "prune"], "n\n");
  assert.deepEqual([no.code, no.stderr], [0, ""]);
  const build = await duet(server, ["build", "/nowhere-4711"]);
  assert.match(build.stderr, /no folder to build from/);
});

test("a missing image is pulled, its progress goes to standard error, and --pull never does not", async () => {
  await using server = await RunningServer.start();
  const pulled = await duet(server, ["run", "--rm", "nginx", "x"]);
  assert.match(pulled.stderr, /Unable to find image 'nginx:latest' locally/);
  assert.equal(pulled.stdout, "");
  assert.equal(server.engine.pulls.length, 1);
  const refused = await duet(server, ["run", "--rm", "--pull", "never", "nginx"]);
  assert.equal(refused.code, 125);
  assert.equal(server.engine.pulls.length, 1);
});

test("names of containers, images and flags are completed, and a daemon is never started for it", async () => {
  await using server = await RunningServer.start();
  await duet(server, ["run", "-d", "--name", "web1", "busybox", "serve"]);
  const complete = async (...words: string[]): Promise<string> =>
    (await duet(server, ["completion", "candidates", "--", ...words])).stdout.trim();
  assert.equal(await complete("stop", ""), "web1");
  assert.equal(await complete("rmi", "busy"), "busybox:latest");
  assert.equal(await complete("run", "--isolation", "v"), "vm");
  assert.equal(await complete("run", "--sig"), "--sig-proxy");
  assert.equal(await complete("network", "con"), "connect");
  assert.equal(await complete("--host", "/tmp/none", "sto"), "stop");
});

test("all that system df -v tells can be read by a script", async () => {
  await using server = await RunningServer.start();
  const all = await duet(server, ["system", "df", "-v", "--format", "json"]);
  const parts = JSON.parse(all.stdout) as Record<string, unknown[]>;
  assert.deepEqual(Object.keys(parts), ["Images", "Containers", "Volumes", "BuildCache"]);
  const template = await duet(server, ["system", "df", "-v", "--format", "{{.Images}}"]);
  assert.equal(template.code, 1);
  assert.match(template.stderr, /--verbose has no template[^]*json/);
});

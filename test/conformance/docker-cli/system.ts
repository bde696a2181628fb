import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { ClientAge } from "../../../tools/clients/bring.ts";
import { clientsOfFile } from "../shared.ts";

/** `docker info`, `version`, `events`, `system df`, ways to name a daemon, API versions. */
export function testSystem(age: ClientAge): void {
  const title = `docker CLI (${age})`;

  test(`${title}: version, info and df answer with what their templates name`, async () => {
    const client = await clientsOfFile(age);
    assert.match(
      await client.docker("version", "-f", "{{.Server.Version}} {{.Server.Os}}"),
      /^\S+ linux\n$/,
    );
    const format =
      "{{.ServerVersion}} {{.Driver}} {{.CgroupDriver}} {{.OSType}} {{.NCPU}} {{.Swarm.LocalNodeState}}";
    assert.match(await client.docker("info", "-f", format), /^\S+ \S+ \S+ linux \d+ inactive\n$/);
    assert.match(await client.docker("info"), /Storage Driver:.*\n(.*\n)*.*Registry|Insecure/);
    assert.match(
      await client.docker("system", "df"),
      /TYPE.*RECLAIMABLE\nImages .*\nContainers .*\nLocal Volumes .*\nBuild Cache /,
    );
    assert.match(
      await client.docker("system", "df", "-v"),
      /Images space usage:\n(.*\n)*.*busybox/,
    );
  });

  test(`${title}: events tell a container's life, filtered and bounded in time`, async () => {
    const client = await clientsOfFile(age);
    const name = `events-${age}`;
    const since = (Date.now() / 1000 - 1).toFixed(3);
    await client.docker("run", "--rm", "--name", name, "--label", "shade=dark", "busybox", "true");
    await client.daemon.eventually(
      async () => (await client.docker("ps", "-aqf", `name=${name}`)) === "",
    );
    const bounds = ["--since", since, "--until", (Date.now() / 1000 + 1).toFixed(3)];
    const format = ["--format", "{{.Type}} {{.Action}}"];
    const told = await client.docker(
      "events",
      ...bounds,
      "--filter",
      `container=${name}`,
      ...format,
    );
    const expected = ["create", "attach", "start", "die", "destroy"].map(
      (word) => `container ${word}`,
    );
    const seen = told.trim().split("\n");
    for (const line of expected) assert.ok(seen.includes(line), `${line} in ${told}`);
    const filters = ["--filter", "event=die", "--filter", "label=shade=dark"];
    const died = await client.docker("events", ...bounds, ...filters, "--format", "{{json .}}");
    const event = JSON.parse(died.trim().split("\n").at(-1) ?? "") as Record<string, never>;
    assert.equal((event as { status?: string }).status, "die");
    assert.equal(
      (event as { Actor?: { Attributes?: { exitCode?: string } } }).Actor?.Attributes?.exitCode,
      "0",
    );
  });

  test(`${title}: the daemon is found by -H, DOCKER_HOST and a context`, async () => {
    const client = await clientsOfFile(age);
    const host = `unix://${client.daemon.socket}`;
    const empty = { DOCKER_HOST: "" };
    const asked = await client.succeed(["-H", host, "version", "-f", "{{.Server.Os}}"], {
      env: empty,
    });
    assert.equal(asked.stdout.toString(), "linux\n");
    await client.succeed(["context", "create", "here", "--docker", `host=${host}`], { env: empty });
    const through = await client.succeed(["--context", "here", "ps", "-q"], { env: empty });
    assert.equal(through.code, 0);
    const nobody = await client.attempt(["-H", "unix:///no/such.sock", "ps"], { env: empty });
    assert.match(nobody.stderr, /daemon/);
    await client.succeed(["context", "rm", "here"], { env: empty });
  });

  test(`${title}: older versions of the API are served`, async () => {
    const client = await clientsOfFile(age);
    for (const version of ["1.24", "1.30", "1.35", "1.40", "1.41"]) {
      const env = { DOCKER_API_VERSION: version };
      const shown = await client.succeed(["run", "--rm", "busybox", "echo", version], { env });
      assert.equal(shown.stdout.toString(), `${version}\n`);
      await client.succeed(["ps", "-a"], { env });
      await client.succeed(["images"], { env });
      await client.succeed(["network", "ls"], { env });
    }
    const ancient = await client.attempt(["ps"], { env: { DOCKER_API_VERSION: "1.12" } });
    assert.match(
      ancient.stderr,
      /client version 1\.12 is too old\. Minimum supported API version is 1\.24/,
    );
  });

  test(`${title}: a client in a container drives the daemon through its bound socket`, async () => {
    const client = await clientsOfFile(age);
    const words = ["run", "--rm", "-v", `${client.daemon.socket}:/var/run/docker.sock`];
    words.push("-v", `${client.tree}:${client.tree}:ro`, "busybox");
    const program = join(client.tree, "usr/bin/docker");
    const inner = [
      program,
      "run",
      "--rm",
      "--isolation",
      "vm",
      "busybox",
      "echo",
      "from",
      "inside",
    ];
    assert.equal(await client.docker(...words, ...inner), "from inside\n");
  });

  test(`${title}: swarm commands say that this is no swarm`, async () => {
    const client = await clientsOfFile(age);
    const refused = await client.attempt(["service", "ls"]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /This node is not a swarm manager/);
  });
}

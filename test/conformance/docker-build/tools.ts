import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
import { clientsOfFile } from "../shared.ts";
import { makeProject } from "./project.ts";

/** What Docker's clients do around builds. */
export function testTools(): void {
  test("docker buildx names the builder, its cache and its builds, and prunes", async () => {
    const { client, build } = await makeProject({
      Dockerfile: "FROM busybox\nRUN echo kept > /kept\n",
    });
    await build();
    const list = await client.docker("buildx", "ls");
    assert.match(list, /default\*?\s+docker/);
    assert.match(list, /running\s+v\d+\.\d+\.\d+\s+linux\/\w+/);
    assert.match(await client.docker("buildx", "inspect"), /Status:\s+running/);
    const used = await client.docker("buildx", "du", "--verbose");
    assert.match(used, /Description:\s+\S*.*RUN echo kept|Description:.*echo kept/);
    const find = async (filter: string): Promise<string> =>
      await client.docker("buildx", "du", "--verbose", "--filter", filter);
    assert.match(await find("description~=kept"), /echo kept/);
    assert.doesNotMatch(await find("type=source.local"), /echo kept/);
    const broken = await client.attempt(["buildx", "du", "--filter", "id=a b"]);
    assert.match(broken.stderr, /failed to parse diskusage filters \[id~=a b\]: filters: parse/);
    const [last] = (
      await client.docker("buildx", "history", "ls", "--format", "{{.Status}}")
    ).split("\n");
    assert.equal(last, "Completed");
    const logs = await client.succeed(["buildx", "history", "logs", "--progress=plain"]);
    assert.match(`${logs.stdout.toString()}${logs.stderr}`, /RUN echo kept/);
    const pruned = await client.docker("builder", "prune", "-af");
    assert.match(pruned, /Total:\s+\d/);
    assert.doesNotMatch(await client.docker("buildx", "du"), /true\s/);
  });

  test("docker compose builds its services, each with its arguments", async () => {
    const { client, folder, write } = await makeProject({
      Dockerfile: 'FROM busybox\nARG NAME\nRUN echo $NAME > /name\nCMD ["cat", "/name"]\n',
    });
    const service = (name: string): string =>
      `  ${name}:\n    image: composed-${name}\n    build: {context: ., args: {NAME: ${name}}}\n`;
    await write({ "compose.yml": `services:\n${service("one")}${service("two")}` });
    const built = await client.succeed(["compose", "build"], { cwd: folder });
    assert.match(`${built.stdout.toString()}${built.stderr}`, /composed-two/);
    for (const name of ["one", "two"]) {
      assert.equal(await client.docker("run", "--rm", `composed-${name}`), `${name}\n`);
    }
  });

  test("docker compose build knows the keys of a service's build", async () => {
    const { client, folder } = await makeProject({
      "more/file": "of more\n",
      token: "of a secret",
      "compose.yml": [
        "services:",
        "  one:",
        "    image: keys-one",
        "    build:",
        "      context: .",
        "      dockerfile_inline: |",
        "        FROM base AS wanted",
        "        ARG A",
        "        COPY --from=more file /",
        "        RUN --mount=type=secret,id=token cat /run/secrets/token > /seen; echo $$A >> /seen; \\",
        "          grep -o myhost /etc/hosts >> /seen; df -k /dev/shm | grep -o 32768 | head -1 >> /seen; ulimit -n >> /seen",
        "        FROM wanted",
        "        RUN exit 9",
        "      target: wanted",
        "      additional_contexts: {base: docker-image://busybox, more: ./more}",
        "      args: {A: an argument}",
        '      labels: ["said=yes"]',
        '      tags: ["keys-extra:2"]',
        "      shm_size: 32m",
        "      ulimits: {nofile: {soft: 1234, hard: 2000}}",
        '      extra_hosts: ["myhost:10.9.8.7"]',
        "      secrets: [token]",
        "      network: none",
        "      no_cache: true",
        "      provenance: true",
        "      sbom: true",
        "  two:",
        "    image: keys-two",
        "    build:",
        "      dockerfile_inline: |",
        "        FROM up",
        "        RUN --network=host cat /seen",
        '      additional_contexts: {up: "service:one"}',
        "      entitlements: [network.host]",
        '      platforms: ["linux/amd64"]',
        "  refused:",
        "    build: {dockerfile_inline: FROM busybox, privileged: true}",
        "secrets: {token: {file: token}}",
        "",
      ].join("\n"),
    });
    await client.succeed(["compose", "build", "one", "two"], { cwd: folder });
    const seen = await client.docker("run", "--rm", "keys-extra:2", "cat", "/seen", "/file");
    assert.equal(seen, "of a secretan argument\nmyhost\n32768\n1234\nof more\n");
    const label = ["inspect", "-f", '{{index .Config.Labels "said"}}', "keys-one"];
    assert.equal(await client.docker(...label), "yes\n");
    const refused = await client.attempt(["compose", "build", "refused"], { cwd: folder });
    assert.match(refused.stderr, /entitlement security\.insecure is not allowed/);
    await client.docker("rmi", "keys-one", "keys-extra:2", "keys-two");
  });

  for (const isolation of ["container", "vm"] as const) {
    test(`${isolation}: a client that is killed in the middle of a step ends the build, and leaves nothing`, async () => {
      const { client, folder } = await makeProject({
        Dockerfile: "FROM busybox\nRUN echo be''gun; sleep 1000\n",
      });
      const watched = client.follow([
        "build",
        "--progress=plain",
        "--build-arg",
        `DUET_ISOLATION=${isolation}`,
        "-t",
        `killed:${isolation}`,
        folder,
      ]);
      await watched.said(" begun");
      watched.signal("SIGKILL");
      await watched.ended;
      // The build's end is told to who lists running builds: there is none left.
      const ended = client.follow(["buildx", "history", "logs"]);
      await ended.ended;
      assert.equal(await client.docker("ps", "-aq"), "");
      const image = await client.attempt(["image", "inspect", `killed:${isolation}`]);
      assert.equal(image.code, 1);
    });
  }
}

/** Clients of before buildx, which keep a session beside `POST /build`. */
export function testOlderClient(): void {
  test("the docker build of Debian 12 builds by a session, with secrets, from a folder and from standard input", async () => {
    const { client, folder } = await makeProject({
      Dockerfile:
        "FROM busybox\nCOPY a.txt /\nRUN --mount=type=secret,id=token cat /run/secrets/token /a.txt\n",
      "a.txt": "from a\n",
      token: "s3cret\n",
    });
    const old = await clientsOfFile("debian-12");
    const words = ["build", "--progress=plain", "--no-cache"];
    const secret = ["--secret", `id=token,src=${join(folder, "token")}`];
    const built = await old.succeed([...words, ...secret, "-t", "by-older:1", folder]);
    assert.match(built.stderr, /\d s3cret\n#\d+ \d+\.\d+ from a/);
    assert.equal(await client.docker("run", "--rm", "by-older:1", "cat", "/a.txt"), "from a\n");
    const tar = await run("tar", ["-cC", folder, "."], { signal: never });
    const whole = await old.succeed([...words, ...secret, "-"], { input: tar.stdout });
    assert.match(whole.stderr, /\d s3cret\n#\d+ \d+\.\d+ from a/);
    const failed = await old.attempt([...words, "-"], { input: "FROM busybox\nRUN exit 5\n" });
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /did not complete successfully: exit code: 5/);
  });
}

import assert from "node:assert/strict";
import { test } from "node:test";
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
    const [last] = (
      await client.docker("buildx", "history", "ls", "--format", "{{.Status}}")
    ).split("\n");
    assert.equal(last, "Completed");
    assert.match(await client.docker("buildx", "history", "logs"), /RUN echo kept/);
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
    assert.match(`${built.stdout}${built.stderr}`, /composed-two/);
    for (const name of ["one", "two"]) {
      assert.equal(await client.docker("run", "--rm", `composed-${name}`), `${name}\n`);
    }
  });

  for (const isolation of ["container", "vm"] as const) {
    test(`${isolation}: a client that is killed in the middle of a step ends the build, and leaves nothing`, async () => {
      const { client, folder } = await makeProject({
        Dockerfile: "FROM busybox\nRUN echo begun; sleep 1000\n",
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

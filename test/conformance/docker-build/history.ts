import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeProject } from "./project.ts";

/** What is told of builds that have ended. */
export function testHistory(): void {
  test("builds, their output and how they were made are told after a restart of the daemon", async () => {
    const { folder, client, build, attempt } = await makeProject({
      Dockerfile: "FROM busybox\nARG WORD\nRUN echo told $WORD\n",
      Broken: "FROM busybox\nRUN echo bro''ken; exit 3\n",
    });
    const about = join(folder, "about.json");
    await build("--no-cache", "--build-arg", "WORD=later", "--metadata-file", about);
    const metadata = JSON.parse(await readFile(about, "utf8")) as {
      "buildx.build.ref": string;
      "buildx.build.provenance": { materials: { uri: string }[] };
    };
    const [material] = metadata["buildx.build.provenance"].materials;
    assert.match(material?.uri ?? "", /^pkg:docker\/busybox@latest/);
    const reference = metadata["buildx.build.ref"].split("/").at(-1)!;
    assert.equal((await attempt(["-f", "None", "."])).code, 1);
    assert.equal((await attempt(["-f", "Broken", "."])).code, 1);
    for (const signal of [null, "SIGTERM"] as const) {
      if (signal !== null) {
        await client.daemon.end(signal);
        await client.daemon.launch();
      }
      const history = (...args: string[]): Promise<string> =>
        client.docker("buildx", "history", ...args);
      const failed = await history("inspect");
      assert.match(failed, /> \[2\/2\] RUN echo bro''ken; exit 3:\n.*broken\n/);
      assert.match(failed, /Broken:2\n-+\n {3}1 \| {5}FROM busybox\n {3}2 \| >>> RUN echo/);
      assert.match(failed, /Build Steps:\s+(\d+)\/\1 /);
      const list = await history("ls", "--format", "{{.Ref}} {{.Status}}");
      assert.match(list, new RegExp(`Error[^]*${reference} Completed`));
      const logs = await client.succeed(["buildx", "history", "logs", reference]);
      assert.match(`${logs.stdout.toString()}${logs.stderr}`, /told later/);
      assert.match(await history("inspect", reference), /WORD:?\s+later[^]*pkg:docker\/busybox/);
      const type = ["--type", "https://slsa.dev/provenance/v0.2"];
      const statement = await history("inspect", "attachment", ...type, reference);
      assert.match(statement, /"build-arg:WORD":"later"/);
    }
    await client.docker("buildx", "history", "rm", reference);
    const gone = await client.attempt(["buildx", "history", "inspect", reference]);
    assert.equal(gone.code, 1);
  });
}

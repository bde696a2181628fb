import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeProject } from "./project.ts";
import { registryOfFile } from "./servers.ts";

/** Builds for several platforms, and pushes. */
export function testPlatforms(): void {
  test("--push goes with the client's credentials, and without any says which name failed", async () => {
    const { client, attempt, build } = await makeProject({
      Dockerfile: "FROM busybox\nRUN echo pushed > /pushed\n",
    });
    const registry = await registryOfFile();
    const tag = `${registry}/pushed:1`;
    await client.docker("logout", registry);
    const refused = await attempt(["--push", "-t", tag, "."]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, new RegExp(`failed to push ${tag}: .*denied`));
    await registryOfFile();
    assert.match(await build("--push", "-t", tag), new RegExp(`pushing ${tag} [\\d.s ]*done`));
    await client.docker("rmi", tag);
    assert.equal(await client.docker("run", "--rm", "-q", tag, "cat", "/pushed"), "pushed\n");
    await client.docker("rmi", tag);
    const base = await attempt(["-f", "-", "."], `FROM ${tag}\nRUN cat /pushed\n`);
    assert.match(base.stderr, /\d pushed/);
  });

  test("several platforms whose steps run on this host's give an index with all of them", async () => {
    const { folder, client, build, attempt } = await makeProject({
      Dockerfile: [
        "FROM --platform=$BUILDPLATFORM busybox AS made",
        "ARG TARGETPLATFORM TARGETARCH",
        "RUN echo for $TARGETPLATFORM > /made",
        "FROM scratch",
        "COPY --from=made /made /",
        "",
      ].join("\n"),
    });
    const tag = `${await registryOfFile()}/several:1`;
    const about = join(folder, "about.json");
    const platforms = "linux/amd64,linux/arm64,linux/arm/v7";
    const words = ["--platform", platforms, "--metadata-file", about, "--push", "-t", tag];
    const said = await build(...words);
    assert.match(said, /\[linux\/amd64->arm64 made 2\/2\] RUN echo for linux\/arm64/);
    assert.match(said, /\[linux\/arm\/v7 stage-1 1\/1\] COPY/);
    const raw = await client.docker("buildx", "imagetools", "inspect", "--raw", tag);
    const { manifests } = JSON.parse(raw) as {
      manifests: { platform: { architecture: string; variant?: string } }[];
    };
    const found = manifests.map(({ platform }) =>
      [platform.architecture, platform.variant ?? ""].join("/"),
    );
    assert.deepEqual(found.toSorted(), ["amd64/", "arm/v7", "arm64/"]);
    const metadata = JSON.parse(await readFile(about, "utf8")) as Record<string, unknown>;
    const index = `sha256:${createHash("sha256").update(raw).digest("hex")}`;
    assert.equal(metadata["containerimage.digest"], index);
    const arm = ["--platform", "linux/arm64", "-f", "-", "-o"];
    const one = await attempt([...arm, "type=tar,dest=-", "."], `FROM ${tag}\n`);
    assert.match(one.stdout.toString(), /for linux\/arm64\n/);
  });

  test("RUN for another processor without an emulator is refused with what to do", async () => {
    const { attempt } = await makeProject({
      Dockerfile: "FROM scratch\nCOPY Dockerfile /\nRUN true\n",
    });
    for (const isolation of ["container", "vm"]) {
      const chosen = ["--build-arg", `DUET_ISOLATION=${isolation}`];
      const refused = await attempt([...chosen, "--platform", "linux/mips64le", "."]);
      assert.equal(refused.code, 1);
      assert.match(refused.stderr, /cannot run programs for linux\/mips64le: /);
      assert.match(refused.stderr, /FROM --platform=\$BUILDPLATFORM/);
    }
  });
}

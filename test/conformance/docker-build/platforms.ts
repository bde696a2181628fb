import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { never } from "../../../src/kit/abort.ts";
import { run } from "../../../src/kit/subprocess.ts";
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

  test("--load keeps an image of several platforms with its attestations", async () => {
    const { client, build } = await makeProject({
      Dockerfile: "FROM scratch\nCOPY Dockerfile /\n",
    });
    const platforms = ["--platform", "linux/amd64,linux/arm64"];
    await build("--load", ...platforms, "--provenance=true", "--sbom=true", "-t", "loaded:1");
    const shown = await client.docker("image", "ls", "--tree", "loaded:1");
    assert.match(shown, /linux\/amd64[^]*linux\/arm64|linux\/arm64[^]*linux\/amd64/);
    await client.docker("rmi", "loaded:1");
  });

  test("an OCI archive holds all platforms with their attestations, its layers compressed as asked", async () => {
    const { folder, client, build } = await makeProject({
      Dockerfile: "FROM scratch\nCOPY Dockerfile /copied\n",
    });
    const file = join(folder, "all.tar");
    const before = await client.docker("images", "-aq");
    for (const [compression, start] of Object.entries({
      zstd: "28b52ffd",
      gzip: "1f8b08",
      uncompressed: Buffer.from("PaxHeaders").toString("hex"),
    })) {
      const output = `type=oci,dest=${file},compression=${compression}`;
      const platforms = ["--platform", "linux/amd64,linux/arm64"];
      await build(...platforms, "--provenance=true", "--sbom=true", "-t", "all:1", "-o", output);
      const blob = async (digest: string): Promise<Buffer> =>
        (await run("tar", ["-xOf", file, `blobs/sha256/${digest.slice(7)}`], { signal: never }))
          .stdout;
      const layout = await run("tar", ["-xOf", file, "index.json"], { signal: never });
      const [index] = listed(layout.stdout, "manifests");
      const manifests = listed(await blob(index!.digest), "manifests");
      const kinds = manifests.map(({ platform }) => platform?.architecture).toSorted();
      assert.deepEqual(kinds, ["amd64", "arm64", "unknown", "unknown"]);
      const [layer] = listed(await blob(manifests[0]!.digest), "layers");
      assert.equal((await blob(layer!.digest)).toString("hex", 0, start.length / 2), start);
      const attested = listed(await blob(manifests.at(-1)!.digest), "layers");
      assert.equal(attested.length, 2);
    }
    assert.equal(await client.docker("images", "-aq"), before);
    assert.match(await client.docker("load", "-i", file), /Loaded image: all:1/);
    const refused = await client.attempt([
      "build",
      "-o",
      "type=oci,dest=-,compression=gzip,compression-level=10",
      folder,
    ]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /"10" is no compression level of gzip/);
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

interface Listed {
  readonly digest: string;
  readonly platform?: { readonly architecture: string };
}

function listed(content: Buffer, field: "manifests" | "layers"): readonly Listed[] {
  const value = JSON.parse(content.toString()) as Record<string, readonly Listed[]>;
  return value[field] ?? [];
}

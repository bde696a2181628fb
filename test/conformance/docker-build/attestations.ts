import assert from "node:assert/strict";
import { test } from "node:test";
import { makeProject } from "./project.ts";
import { registryOfFile } from "./servers.ts";

/** What a build says of itself beside the image. */
export function testAttestations(): void {
  test("--sbom and --provenance go with a pushed image, and Docker's own tools read them", async () => {
    const { client, build } = await makeProject({
      Dockerfile:
        "FROM busybox\nARG WORD\nCOPY status /var/lib/dpkg/status\nCOPY release /etc/os-release\n",
      status:
        "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
      release: 'ID=debian\nVERSION_ID="12"\n',
    });
    const tag = `${await registryOfFile()}/attested:1`;
    await build(
      "--sbom=true",
      "--provenance=mode=max",
      "--build-arg",
      "WORD=told",
      "--push",
      "-t",
      tag,
    );
    assert.equal(await client.docker("run", "--rm", tag, "echo", "runs"), "runs\n");
    const ask = async (what: string): Promise<string> =>
      await client.docker("buildx", "imagetools", "inspect", tag, "--format", `{{json .${what}}}`);
    const packages = await ask("SBOM");
    assert.match(packages, /pkg:deb\/debian\/zlib1g@1%3A1\.2\?arch=amd64\\u0026distro=debian-12/);
    assert.doesNotMatch(packages, /gone/);
    const provenance = await ask("Provenance");
    assert.match(provenance, /"build-arg:WORD": ?"told"/);
    assert.match(provenance, /pkg:docker\/busybox@latest/);
  });
}

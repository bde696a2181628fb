import { createHash } from "node:crypto";
import type { BuildResult } from "../../../engine/build/build.ts";
import { DuetError } from "../../../kit/errors.ts";
import type { TarEntry } from "../../../kit/tar/entry.ts";
import { readTar } from "../../../kit/tar/reader.ts";
import { packagesOf, type InstalledPackage } from "./packages.ts";

/** Bytes of one list of packages. */
const maximumList = 64 << 20;
const lists =
  /^(?:etc\/os-release|usr\/lib\/os-release|var\/lib\/dpkg\/status|var\/lib\/dpkg\/status\.d\/[^/]+|lib\/apk\/db\/installed|usr\/lib\/apk\/db\/installed)$/;

/**
 * The packages of Debian's and Alpine's kind that a result holds, as an SPDX 2.3 document. They are read from the
 * lists that the package managers keep; what was put there without one is not seen.
 */
export async function describePackages(
  result: BuildResult,
  epoch: number | null,
  signal: AbortSignal,
): Promise<object> {
  const found = new Map<string, string>();
  for await (const entry of readTar(result.tree(signal))) {
    const path = entry.name.toString("utf8").replace(/^\.?\/+/, "");
    if (entry.kind === "file" && lists.test(path)) found.set(path, await read(entry));
  }
  const packages = packagesOf(found);
  const identity = createHash("sha256").update(result.config).digest("hex");
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: "image",
    documentNamespace: `urn:duet:sbom:${identity}`,
    creationInfo: {
      created: new Date(epoch === null ? Date.now() : epoch * 1_000)
        .toISOString()
        .replace(/\.\d+/, ""),
      creators: ["Tool: duet"],
    },
    packages: packages.map(describe),
    relationships: packages.map((_, index) => ({
      spdxElementId: "SPDXRef-DOCUMENT",
      relationshipType: "DESCRIBES",
      relatedSpdxElement: `SPDXRef-Package-${index}`,
    })),
  };
}

async function read(entry: TarEntry): Promise<string> {
  if (entry.size > maximumList) {
    throw new DuetError(
      "too-large",
      "PACKAGES_TOO_MANY",
      "the image's list of packages is too large",
    );
  }
  const parts: Buffer[] = [];
  for await (const part of entry.content()) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

function describe(one: InstalledPackage, index: number): object {
  return {
    name: one.name,
    SPDXID: `SPDXRef-Package-${index}`,
    versionInfo: one.version,
    supplier: one.maintainer === "" ? "NOASSERTION" : `Person: ${one.maintainer}`,
    downloadLocation: "NOASSERTION",
    filesAnalyzed: false,
    licenseConcluded: "NOASSERTION",
    licenseDeclared: one.license === "" ? "NOASSERTION" : one.license,
    copyrightText: "NOASSERTION",
    externalRefs: [
      {
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: one.url,
      },
    ],
  };
}

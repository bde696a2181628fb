import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/kit/subprocess.ts";
import { downloadPackages, hostSource, unpackPackage } from "../../images/debian/apt.ts";

const programFolders = [
  "usr/bin",
  "usr/sbin",
  "usr/lib/podman",
  "usr/libexec/podman",
  "usr/libexec/docker",
];

/**
 * Makes the programs of `tree`, which will stand at `place`, use the C library of that tree instead of
 * the host's older one. patchelf is unpacked into `scratch`, not installed.
 */
export async function bindToTree(
  tree: string,
  place: string,
  scratch: string,
  signal: AbortSignal,
): Promise<void> {
  const [archive = ""] = await downloadPackages(["patchelf"], scratch, hostSource, signal);
  await unpackPackage(archive, join(scratch, "files"), signal);
  const patchelf = join(scratch, "files/usr/bin/patchelf");
  const { loader, folders } = await libraryPlaces(tree);
  for (const program of await dynamicPrograms(tree)) {
    const paths = folders.map((folder) => join(place, folder)).join(":");
    await run(
      patchelf,
      ["--set-interpreter", join(place, loader), "--force-rpath", "--set-rpath", paths, program],
      { signal },
    );
  }
}

/** The dynamic loader and the folders of libraries, relative to the tree; older suites have both `lib` and `usr/lib`. */
async function libraryPlaces(tree: string): Promise<{ loader: string; folders: string[] }> {
  const folders: string[] = [];
  let loader = "";
  for (const parent of ["usr/lib", "lib"]) {
    const all = await readdir(join(tree, parent)).catch(() => []);
    const triplet = all.find((name) => name.endsWith("-linux-gnu"));
    if (triplet === undefined) continue;
    const folder = join(parent, triplet);
    const name = (await readdir(join(tree, folder))).find((one) => one.startsWith("ld-linux"));
    if (name !== undefined) loader ||= join(folder, name);
    folders.push(folder, join(folder, "systemd"));
  }
  return { loader, folders };
}

async function dynamicPrograms(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of programFolders) {
    const entries = await readdir(join(tree, folder), { withFileTypes: true }).catch(() => []);
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(tree, folder, entry.name);
      if (await namesLoader(path)) found.push(path);
    }
  }
  return found;
}

/** Whether it is an ELF file that asks for a dynamic loader, which its first page then names. */
async function namesLoader(path: string): Promise<boolean> {
  const file = await open(path, "r");
  try {
    const { buffer } = await file.read({ buffer: Buffer.alloc(8192), position: 0 });
    return buffer.subarray(1, 4).toString("latin1") === "ELF" && buffer.includes("/ld-linux");
  } finally {
    await file.close();
  }
}

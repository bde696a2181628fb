import { mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { Scope } from "../../src/kit/scope.ts";
import { cacheFolder } from "../../images/cache.ts";
import { downloadPackages, hostSource, unpackPackage } from "../../images/debian/apt.ts";

/** Programs unpacked beside are linked here, because Duet's own search path is fixed. */
const linkFolder = "/usr/local/bin";

/**
 * Brings one program of a package without installing the package: its files go into the cache, and a
 * link in /usr/local/bin names the program. Gives the link's path.
 */
export async function bringBeside(
  packageName: string,
  program: string,
  signal: AbortSignal,
): Promise<string> {
  await using scope = new Scope();
  const cache = cacheFolder();
  await mkdir(cache, { recursive: true });
  const download = await mkdtemp(join(cache, "download-"));
  scope.defer(() => rm(download, { recursive: true, force: true }));
  const [archive = ""] = await downloadPackages([packageName], download, hostSource, signal);
  const unpacked = join(download, "files");
  await unpackPackage(archive, unpacked, signal);
  const place = join(cache, packageName);
  await rm(place, { recursive: true, force: true });
  await rename(unpacked, place);
  const link = join(linkFolder, basename(program));
  await rm(link, { force: true });
  await symlink(join(place, program), link);
  return link;
}

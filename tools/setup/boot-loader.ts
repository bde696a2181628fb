import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Scope } from "../../src/kit/scope.ts";
import { downloadPackages, hostSource, unpackPackage } from "../../images/debian/apt.ts";

/** Where GRUB's tools and modules are looked for beside the host's own (src/drivers/boot-disk/grub.ts). */
const loaderFolder = "/var/lib/duet/boot-loader";
const evidence = [
  "usr/bin/grub-mkimage",
  "usr/lib/grub/i386-pc/boot.img",
  "usr/lib/grub/x86_64-efi/kernel.img",
  "usr/lib/grub/x86_64-efi-signed",
  "usr/lib/shim",
];
const packages = [
  ...["grub-common", "grub-pc-bin", "grub-efi-amd64-bin"],
  ...["grub-efi-amd64-signed", "shim-signed"],
];

/** Whether disks that boot can be made here. Other hosts than amd64 make none. */
export function hasBootLoader(): boolean {
  if (process.arch !== "x64") return true;
  return ["/", loaderFolder].some((tree) => evidence.every((path) => existsSync(join(tree, path))));
}

/** Unpacks GRUB beside: an installed one would care for how the host boots. */
export async function bringBootLoader(signal: AbortSignal): Promise<void> {
  await using scope = new Scope();
  await mkdir(dirname(loaderFolder), { recursive: true });
  const work = await mkdtemp(`${loaderFolder}.new-`);
  scope.defer(() => rm(work, { recursive: true, force: true }));
  const archives = await downloadPackages(packages, join(work, "download"), hostSource, signal);
  for (const archive of archives) await unpackPackage(archive, join(work, "root"), signal);
  await rm(loaderFolder, { recursive: true, force: true });
  await rename(join(work, "root"), loaderFolder);
}

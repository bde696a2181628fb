import { copyFile, mkdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../kit/subprocess.ts";

/** Bytes; with a journal, so that the guest's code for it is met in the rehearsal. */
const size = 16 << 20;

/** Where the program of the rehearsal lies on the placeholder disk. */
export const rehearsalProgram = "/bin/rehearse";

/**
 * The small disk on which a VM rehearses a start, and which its workload's disk later replaces. Its
 * tree is made beside `path`, in the folder of a template that is being built, which goes as a whole.
 */
export async function makePlaceholder(
  path: string,
  agent: string,
  signal: AbortSignal,
): Promise<void> {
  const tree = `${path}.tree`;
  await mkdir(tree, { mode: 0o755 });
  try {
    for (const folder of ["bin", "etc", "tmp", "proc", "sys", "dev"])
      await mkdir(join(tree, folder));
    await copyFile(agent, join(tree, rehearsalProgram));
    await writeFile(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
    await writeFile(join(tree, "etc/group"), "root:x:0:\n");
    await writeFile(path, "", { mode: 0o600 });
    await truncate(path, size);
    const options = ["-q", "-F", "-b", "4096", "-O", "^resize_inode", "-m", "0", "-d", tree, path];
    await run("mkfs.ext4", options, { signal });
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

export async function placeholderSize(path: string): Promise<number> {
  return (await stat(path)).size;
}

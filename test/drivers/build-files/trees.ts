import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { CopyTarget, FileSelection, FileTree } from "../../../src/domain/build/files.ts";
import { temporaryFolder } from "../../native/rootfs/binary.ts";

/** A tree made by a shell script that runs in it. */
export function treeOf(
  context: TestContext,
  script: string,
): FileTree & { readonly folder: string } {
  const folder = join(temporaryFolder(context), "tree");
  mkdirSync(folder);
  execFileSync("sh", ["-ec", `umask 022; ${script}`], { cwd: folder });
  return { folder, mounts: mountsOf(folder), identity: null };
}

export function mountsOf(folder: string): FileTree["mounts"] {
  return [{ type: "bind", source: folder, target: "", options: ["bind"] }];
}

export function take(
  files: FileSelection["files"],
  path: string,
  changes: Partial<FileSelection> = {},
): FileSelection {
  return { files, path, exclude: [], parents: false, unpack: false, ...changes };
}

export function into(
  folder: string,
  destination: string,
  changes: Partial<CopyTarget> = {},
): CopyTarget {
  return {
    mounts: mountsOf(folder),
    destination,
    owner: null,
    mode: null,
    latestTime: null,
    ...changes,
  };
}

/** Every path with its kind, permissions, owner, and content or link. */
export function listing(folder: string): readonly string[] {
  const script = `import os,sys,stat
os.chdir(sys.argv[1])
for top, dirs, files in os.walk("."):
    for name in dirs + files:
        p = os.path.join(top, name); s = os.lstat(p)
        k = stat.filemode(s.st_mode)
        t = " -> " + os.readlink(p) if os.path.islink(p) else ""
        c = " = " + open(p, errors="replace").read(60).strip() if os.path.isfile(p) and not os.path.islink(p) else ""
        print(p[2:], k, "%d:%d" % (s.st_uid, s.st_gid) + t + c)`;
  return execFileSync("python3", ["-c", script, folder], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

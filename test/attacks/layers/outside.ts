import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDuetError } from "../../../src/kit/errors.ts";
import { mountsBelow } from "../../native/rootfs/binary.ts";

/** A folder with a tree to attack in `inside`, and canaries beside it that must stay as they are. */
export interface Place {
  readonly folder: string;
  readonly inside: string;
  readonly outside: string;
  /** The global oracles: canaries unchanged, no mount left, no helper left. */
  check(): void;
}

export function makePlace(context: { after(done: () => void): void }): Place {
  const folder = mkdtempSync("/tmp/duet-a-");
  context.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10 }));
  const inside = join(folder, "inside");
  const outside = join(folder, "outside");
  mkdirSync(inside);
  mkdirSync(join(outside, "folder"), { recursive: true });
  for (const name of ["canary", "folder/canary", "passwd"]) {
    writeFileSync(join(outside, name), "untouched\n");
    chmodSync(join(outside, name), 0o640);
  }
  const before = stateOf(outside);
  return {
    folder,
    inside,
    outside,
    check: () => {
      assert.equal(stateOf(outside), before);
      assert.equal(mountsBelow(folder), "");
      assert.equal(helpersOf(folder), "");
    },
  };
}

/** Names, contents, owners, modes, times and attributes. */
function stateOf(folder: string): string {
  const script = `import os,sys,hashlib
for top, dirs, files in sorted(os.walk(sys.argv[1])):
    for name in sorted(dirs + files) + ["."]:
        p = os.path.join(top, name); s = os.lstat(p)
        h = hashlib.sha256(open(p, "rb").read()).hexdigest() if os.path.isfile(p) else ""
        print(p, oct(s.st_mode), s.st_uid, s.st_gid, s.st_mtime_ns, s.st_nlink, h, [(a, os.getxattr(p, a)) for a in sorted(os.listxattr(p))])`;
  return execFileSync("python3", ["-c", script, folder], { encoding: "utf8" });
}

/** duet-rootfs processes that this process started and that still run. */
function helpersOf(_folder: string): string {
  return execFileSync(
    "sh",
    ["-c", `ps -o pid=,stat=,comm= --ppid ${process.pid} | grep duet-rootfs | grep -v Z || true`],
    { encoding: "utf8" },
  );
}

/** Whether an error is a typed one, of one of these codes. */
export function withCode(...codes: readonly string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isDuetError(error), String(error));
    assert.ok(codes.includes(error.code), `${error.code}: ${error.message}`);
    return true;
  };
}

import { spawn, type ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import { join } from "node:path";

/** Reads until whoever holds the other end is gone, however it ended, and keeps the network known by descriptor 9. */
const wait = 'exec 9<"$1"; shift; while read -r _; do :; done; exec "$@"';
const ending = join(import.meta.dirname, "end-daemon.ts");

/** What is left of a daemon where the test's process ends without having taken it away, as at SIGKILL. */
export interface Guarded {
  readonly folder: string;
  /** Its own alone; null where it has none. */
  readonly cgroup: string | null;
  /** Process in the daemon's network namespace; null where that is another daemon's. */
  readonly networkPid: number | null;
}

/** A process beside the test's, not of its group, that takes a daemon away with all that it runs. */
export class Guard {
  private readonly child: ChildProcess;

  constructor({ folder, cgroup, networkPid }: Guarded) {
    const network = networkPid === null ? "/dev/null" : `/proc/${networkPid}/ns/net`;
    /* Not by arguments: who looks for processes of the folder must not find it. */
    const env = { PATH: process.env["PATH"], TEST_FOLDER: folder, TEST_CGROUP: cgroup ?? "" };
    this.child = spawn("sh", ["-c", wait, "sh", network, process.execPath, ending], {
      ...{ stdio: ["pipe", "ignore", "ignore"], detached: true, env },
    });
    this.child.unref();
    (this.child.stdin as Socket).unref();
  }

  /** Nothing is left to guard. */
  release(): void {
    this.child.kill("SIGKILL");
  }

  /** Takes away what is left, now. */
  carryOut(): void {
    this.child.stdin?.end();
  }
}

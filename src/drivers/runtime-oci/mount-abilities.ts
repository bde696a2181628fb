import { readFile, realpath } from "node:fs/promises";
import { release } from "node:os";
import type { WorkloadMount } from "../../domain/runtime.ts";
import { DuetError } from "../../kit/errors.ts";
import { isOlder, type OciRuntimeFacts } from "./probe.ts";

/** mount_setattr(2) is of Linux 5.12; the runtimes know `rro` since these versions. */
export function canReadonlyDeeply({ name, version }: OciRuntimeFacts): boolean {
  const kernel = /^\d+\.\d+/.exec(release())?.[0] ?? "0";
  return !isOlder(kernel, "5.12") && !isOlder(version, name === "runc" ? "1.1" : "1.4");
}

/**
 * A mount can propagate only where the host's mount that its source is on does. Throws `invalid`
 * MOUNT_PROPAGATION, in Docker's words (moby, daemon/oci_linux.go).
 */
export async function checkPropagation(mounts: readonly WorkloadMount[]): Promise<void> {
  const wanted = mounts.filter(({ propagation }) => /shared$|slave$/.test(propagation));
  if (wanted.length === 0) return;
  const table = await readMounts();
  for (const { source, propagation } of wanted) {
    const path = await realpath(source);
    const { point, shared, slave } = mountOf(table, path);
    const isShared = propagation.endsWith("shared");
    if (shared || (slave && !isShared)) continue;
    const what = isShared ? "a shared mount" : "a shared or slave mount";
    throw new DuetError(
      "invalid",
      "MOUNT_PROPAGATION",
      `path ${source} is mounted on ${point} but it is not ${what}`,
      { http: 500 },
    );
  }
}

interface HostMountFacts {
  readonly point: string;
  readonly shared: boolean;
  readonly slave: boolean;
}

/** proc(5), /proc/pid/mountinfo. */
async function readMounts(): Promise<readonly HostMountFacts[]> {
  const text = await readFile("/proc/self/mountinfo", "utf8");
  return text.split("\n").map((line) => {
    const [before = ""] = line.split(" - ");
    const fields = before.split(" ");
    const tags = fields.slice(6);
    return {
      point: (fields[4] ?? "").replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 8)),
      ),
      shared: tags.some((tag) => tag.startsWith("shared:")),
      slave: tags.some((tag) => tag.startsWith("master:")),
    };
  });
}

/** The last mount on the longest point above the path. */
function mountOf(table: readonly HostMountFacts[], path: string): HostMountFacts {
  let best: HostMountFacts = { point: "/", shared: false, slave: false };
  for (const mount of table) {
    const isAbove = mount.point === "/" || `${path}/`.startsWith(`${mount.point}/`);
    if (mount.point !== "" && isAbove && mount.point.length >= best.point.length) best = mount;
  }
  return best;
}

import { fail, ok, warn, type Finding, type Host, type Probe } from "../finding.ts";

const root = "/sys/fs/cgroup";
const wanted = ["cpu", "memory", "pids"];

/** cgroups(7): version 2 alone, version 1, or both mounted side by side. */
export const controlGroups: Probe = {
  name: "control-groups",
  async run(host) {
    const unified = await host.read(`${root}/cgroup.controllers`);
    if (unified !== undefined) return [judge("version 2", unified.split(/\s+/))];
    const controllers = await host.list(root);
    if (controllers.length === 0) {
      return [
        fail(
          this.name,
          "no cgroups are mounted",
          "workloads cannot be limited or counted",
          `mount cgroup2 on ${root}`,
        ),
      ];
    }
    const hybrid = await host.exists(`${root}/unified/cgroup.procs`);
    return [await judgeOld(host, controllers, hybrid)];
  },
};

async function judgeOld(
  host: Host,
  controllers: readonly string[],
  hybrid: boolean,
): Promise<Finding> {
  const finding = judge(hybrid ? "version 1 (hybrid)" : "version 1", controllers);
  if (finding.verdict !== "ok") return finding;
  const onlyCrun =
    (await host.output("runc", "--version")) === undefined &&
    (await host.output("crun", "--version")) !== undefined;
  if (!onlyCrun) return finding;
  return warn(
    "control-groups",
    finding.what,
    "crun refuses this kind of cgroups, and no runc is there",
    "install runc, or boot with systemd.unified_cgroup_hierarchy=1",
  );
}

function judge(version: string, controllers: readonly string[]): Finding {
  const missing = wanted.filter((name) => !controllers.includes(name));
  const what = `cgroups ${version} with ${wanted.filter((name) => controllers.includes(name)).join(", ")}`;
  if (missing.length === 0) return ok("control-groups", what);
  return warn(
    "control-groups",
    `cgroups ${version} without ${missing.join(", ")}`,
    `limits of ${missing.join(", ")} have no effect`,
    missing.includes("memory")
      ? "boot with cgroup_enable=memory"
      : "enable the controllers in the kernel or in the parent group",
  );
}

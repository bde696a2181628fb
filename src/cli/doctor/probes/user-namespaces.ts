import { ok, warn, type Probe } from "../finding.ts";

/** user_namespaces(7). Duet as root does not depend on them; running without root will. */
export const userNamespaces: Probe = {
  name: "user-namespaces",
  async run(host) {
    const limit = Number((await host.read("/proc/sys/user/max_user_namespaces")) ?? "0");
    const debian = await host.read("/proc/sys/kernel/unprivileged_userns_clone");
    const allowed = limit > 0 && debian?.trim() !== "0";
    if (allowed) return [ok(this.name, "user namespaces are allowed")];
    return [
      warn(
        this.name,
        "user namespaces are off",
        "workloads cannot get user ids of their own",
        limit > 0
          ? "sysctl -w kernel.unprivileged_userns_clone=1"
          : "sysctl -w user.max_user_namespaces=15000",
      ),
    ];
  },
};

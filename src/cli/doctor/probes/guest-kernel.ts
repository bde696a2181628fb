import { fail, ok, type Host, type Probe } from "../finding.ts";

const roots = ["", "/var/lib/duet/kernels"];

/** The kernel that boots in virtual machines: one with its modules, 9p among them. */
export const guestKernel: Probe = {
  name: "guest-kernel",
  async run(host) {
    for (const root of roots) {
      const release = await newestIn(host, root);
      if (release !== undefined) return [ok(this.name, `${root}/boot/vmlinuz-${release}`)];
    }
    return [
      fail(
        this.name,
        "there is no kernel for guests",
        "virtual machines made from images cannot boot",
        "run `npm run setup`, which brings one without installing it, or install linux-image-amd64",
      ),
    ];
  },
};

async function newestIn(host: Host, root: string): Promise<string | undefined> {
  const names = await host.list(`${root}/boot`);
  const releases = names
    .filter((name) => name.startsWith("vmlinuz-"))
    .map((name) => name.slice("vmlinuz-".length))
    .toSorted((left, right) => right.localeCompare(left, "en", { numeric: true }));
  for (const release of releases) {
    if (await host.exists(`${root}/lib/modules/${release}/kernel/fs/9p`)) return release;
  }
  return undefined;
}

import { fail, ok, warn, type Finding, type Host, type Probe } from "../finding.ts";

interface Feature {
  readonly name: string;
  readonly module: string;
  /** A path that is there while the feature is. */
  readonly path?: string;
  /** A line of /proc/filesystems. */
  readonly fileSystem?: string;
  readonly why: string;
  readonly essential: boolean;
}

const features: readonly Feature[] = [
  {
    name: "overlayfs",
    module: "overlay",
    fileSystem: "overlay",
    why: "layers of images cannot be stacked",
    essential: true,
  },
  {
    name: "bridge",
    module: "bridge",
    path: "/sys/module/bridge",
    why: "there are no networks",
    essential: true,
  },
  {
    name: "veth",
    module: "veth",
    path: "/sys/module/veth",
    why: "containers cannot join networks",
    essential: true,
  },
  {
    name: "nf_tables",
    module: "nf_tables",
    path: "/sys/module/nf_tables",
    why: "ports cannot be published",
    essential: true,
  },
  {
    name: "tun",
    module: "tun",
    path: "/dev/net/tun",
    why: "virtual machines cannot join networks",
    essential: true,
  },
  {
    name: "vhost_net",
    module: "vhost_net",
    path: "/dev/vhost-net",
    why: "a virtual machine's network costs more CPU",
    essential: false,
  },
];

/** What the kernel has built in, loaded, or as a module that it can load. */
export const kernelFeatures: Probe = {
  name: "kernel-feature",
  async run(host) {
    const loadable = await loadableModules(host);
    const states = await Promise.all(
      features.map(async (feature) => ({ feature, there: await isThere(host, feature, loadable) })),
    );
    const present = states.filter(({ there }) => there).map(({ feature }) => feature.name);
    const missing = states.filter(({ there }) => !there).map(({ feature }) => complain(feature));
    return present.length > 0 ? [ok(this.name, present.join(", ")), ...missing] : missing;
  },
};

async function isThere(
  host: Host,
  feature: Feature,
  loadable: ReadonlySet<string>,
): Promise<boolean> {
  if (loadable.has(feature.module)) return true;
  if (feature.path !== undefined && (await host.exists(feature.path))) return true;
  const listed = (await host.read("/proc/filesystems")) ?? "";
  if (feature.fileSystem !== undefined) return listed.split(/\s+/).includes(feature.fileSystem);
  return builtInWithoutModules(host, feature);
}

/** A kernel without module support has no /sys/module entry for what has no parameters; ask /proc then. */
async function builtInWithoutModules(host: Host, feature: Feature): Promise<boolean> {
  const symbol = { bridge: "br_add_bridge", veth: "veth_newlink", nf_tables: "nf_tables_newtable" }[
    feature.module
  ];
  if (symbol === undefined) return false;
  const symbols = (await host.read("/proc/kallsyms")) ?? "";
  return symbols.includes(` ${symbol}\n`) || symbols.includes(` ${symbol}\t`);
}

async function loadableModules(host: Host): Promise<ReadonlySet<string>> {
  const folder = `/lib/modules/${host.kernel}`;
  const texts = await Promise.all([
    host.read(`${folder}/modules.dep`),
    host.read(`${folder}/modules.builtin`),
  ]);
  const names = texts
    .flatMap((text) => (text ?? "").split("\n"))
    .map((line) => /([^/:]+)\.ko/.exec(line)?.[1]?.replaceAll("-", "_"));
  return new Set(names.filter((name) => name !== undefined));
}

function complain(feature: Feature): Finding {
  const remedy = `load it with \`modprobe ${feature.module}\`, or use a kernel that has it`;
  const report = feature.essential ? fail : warn;
  return report("kernel-feature", `the kernel has no ${feature.name}`, feature.why, remedy);
}

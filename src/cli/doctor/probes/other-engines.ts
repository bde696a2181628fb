import { ok, type Host, type Probe } from "../finding.ts";

const others: readonly (readonly [name: string, pidFiles: readonly string[]])[] = [
  ["Docker", ["/run/docker.pid", "/var/run/docker.pid"]],
  ["containerd", ["/run/containerd/containerd.pid", "/run/docker/containerd/containerd.pid"]],
  ["libvirt", ["/run/libvirtd.pid"]],
  ["firewalld", ["/run/firewalld.pid"]],
];

/** Who else works with containers, machines or the firewall here. Duet lives beside them. */
export const otherEngines: Probe = {
  name: "neighbour",
  async run(host) {
    const found = await Promise.all(
      others.map(async ([name, files]) => ((await anyRuns(host, files)) ? [name] : [])),
    );
    const names = found.flat();
    if (await host.exists("/run/podman/podman.sock")) names.push("Podman");
    if (names.length === 0) return [ok(this.name, "no other engine runs here")];
    return [
      ok(
        this.name,
        `${names.join(", ")} runs here as well`,
        "Duet takes free subnets, has its own firewall table, and changes nothing of theirs",
      ),
    ];
  },
};

async function anyRuns(host: Host, files: readonly string[]): Promise<boolean> {
  const states = await Promise.all(files.map((file) => host.runs(file)));
  return states.includes(true);
}

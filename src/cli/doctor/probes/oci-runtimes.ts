import { fail, ok, warn, type Finding, type Host, type Probe } from "../finding.ts";
import { openFlaws } from "../fixes.ts";

const names = ["crun", "runc"] as const;

/** Which OCI runtimes there are, and whether one is older than its last security fix. */
export const ociRuntimes: Probe = {
  name: "oci-runtime",
  async run(host) {
    const found = await Promise.all(names.map((name) => look(host, name)));
    const there = found.filter((finding) => finding !== undefined);
    if (there.length > 0) return there;
    return [
      fail(
        this.name,
        "there is no OCI runtime",
        "containers cannot run; virtual machines can",
        "install runc or crun",
      ),
    ];
  },
};

async function look(host: Host, name: (typeof names)[number]): Promise<Finding | undefined> {
  const version = /version (\S+)/.exec((await host.output(name, "--version")) ?? "")?.[1];
  if (version === undefined) return undefined;
  const changelog = (await host.readCompressed(`/usr/share/doc/${name}/changelog.Debian.gz`)) ?? "";
  const flaws = openFlaws(name, version, changelog);
  if (flaws.length === 0) return ok("oci-runtime", `${name} ${version}`);
  const cves = flaws.flatMap((flaw) => flaw.names).join(", ");
  const fixed = flaws.at(-1)?.fixedIn.join(" or ") ?? "";
  return warn(
    "oci-runtime",
    `${name} ${version} is older than its last security fix`,
    `${flaws.map((flaw) => flaw.what).join("; ")} (${cves})`,
    `install ${name} ${fixed} or a distribution's package that names these fixes; until then run no code here that you do not trust`,
  );
}

import { ok, type Probe } from "../finding.ts";

export const daemonState: Probe = {
  name: "daemon",
  async run(host) {
    const daemon = await host.daemon();
    if (daemon === undefined) {
      return [ok(this.name, "no daemon runs; the first command that needs one starts it")];
    }
    const runtimes = daemon.runtimes.map(
      ({ isolation, description }) => `${isolation}: ${description}`,
    );
    return [ok(this.name, `duetd ${daemon.version} runs (${runtimes.join(", ")})`)];
  },
};

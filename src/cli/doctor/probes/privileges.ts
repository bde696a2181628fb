import { ok, warn, type Probe } from "../finding.ts";

export const privileges: Probe = {
  name: "privileges",
  async run() {
    if (process.getuid?.() === 0) return [ok(this.name, "runs as root")];
    return [
      warn(
        this.name,
        "this is not root",
        "a daemon needs root for namespaces, networks and mounts; some answers here are guesses",
        "start the daemon as a service or with sudo, and join the group that may use its socket",
      ),
    ];
  },
};

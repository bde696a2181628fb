import { ok, warn, type Finding, type Probe } from "../finding.ts";

/** Whether KVM works is proved by running a guest: the daemon does that once and remembers. */
export const virtualization: Probe = {
  name: "virtualization",
  async run(host) {
    const device = await host.exists("/dev/kvm");
    const daemon = await host.daemon();
    const machine = daemon?.runtimes.find((runtime) => runtime.isolation === "vm");
    if (machine !== undefined) return [judge(machine.description, device)];
    if (!device) return [emulated("there is no /dev/kvm")];
    if (!(await host.canOpen("/dev/kvm"))) {
      return [
        warn(
          this.name,
          "/dev/kvm cannot be opened",
          "virtual machines are emulated: slow, and no security boundary",
          "run as root, or join the group that owns /dev/kvm",
        ),
      ];
    }
    return [
      warn(
        this.name,
        "/dev/kvm opens; whether it works is unknown until a daemon has probed it",
        "on some hosts it accepts a guest that never makes progress",
        "start a daemon (any duet command does) and ask again",
      ),
    ];
  },
};

function judge(description: string, device: boolean): Finding {
  if (/kvm/i.test(description)) return ok("virtualization", `KVM works (${description})`);
  const why = device
    ? "/dev/kvm is there, but a probing guest made no progress on it"
    : "there is no /dev/kvm";
  return emulated(`${why} (${description})`);
}

function emulated(what: string): Finding {
  return warn(
    "virtualization",
    what,
    "virtual machines are emulated: slow, and no security boundary",
    "enable virtualization in the firmware, or nested virtualization where this host is a guest",
  );
}

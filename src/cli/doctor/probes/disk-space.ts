import { fail, ok, warn, type Probe } from "../finding.ts";

const gibibyte = 2 ** 30;
const little = 5 * gibibyte;
const tooLittle = gibibyte / 2;

export const diskSpace: Probe = {
  name: "disk-space",
  async run(host) {
    const { free, total } = await host.space(host.dataRoot);
    const what = `${(free / gibibyte).toFixed(1)} of ${(total / gibibyte).toFixed(0)} GiB free for ${host.dataRoot}`;
    if (free >= little) return [ok(this.name, what)];
    const remedy = "free space with `duet system prune`, or move dataRoot in /etc/duet/config.json";
    const report = free < tooLittle ? fail : warn;
    return [report(this.name, what, "images and disks of virtual machines may not fit", remedy)];
  },
};

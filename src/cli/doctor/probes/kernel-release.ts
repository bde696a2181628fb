import { fail, ok, type Probe } from "../finding.ts";
import { compareVersions, versionNumbers } from "../version.ts";

/** openat2(2) came with Linux 5.6; the rootfs helper resolves every path of an image with it. */
const oldest = [5, 6];

export const kernelRelease: Probe = {
  name: "kernel",
  async run(host) {
    const numbers = versionNumbers(host.kernel) ?? [];
    if (compareVersions(numbers, oldest) >= 0) return [ok(this.name, `Linux ${host.kernel}`)];
    return [
      fail(
        this.name,
        `Linux ${host.kernel} has no openat2`,
        "paths inside an image cannot be resolved safely",
        "boot Linux 5.6 or newer",
      ),
    ];
  },
};

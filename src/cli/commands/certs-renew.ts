import type { Command } from "../command.ts";
import { daysFlag, daysOf, directoryFlag, directoryOf } from "../certs/flags.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  description:
    "Makes new keys and certificates of the same names under the same authority. The daemon reads them at SIGHUP; old ones stay valid until they expire.",
  flags: [
    { name: "name", kind: "list", summary: "One more name or address of the server" },
    daysFlag,
    directoryFlag,
  ],
  examples: [
    {
      what: "Before they expire, and let the daemon read them",
      line: "duet certs renew && systemctl reload duet",
    },
  ],
  async run({ flags, terminal }) {
    const { CertificateSet } = await import("../certs/certificate-set.ts");
    const certificates = new CertificateSet(directoryOf(flags));
    for (const role of await certificates.renew(flags.list("name"), daysOf(flags)))
      terminal.print(role);
  },
};

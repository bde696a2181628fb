import type { Command } from "../command.ts";
import { directoryFlag, directoryOf } from "../certs/flags.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  flags: [directoryFlag],
  examples: [{ what: "When do they expire?", line: "duet certs ls" }],
  async run({ flags, terminal }) {
    const { alternativeNames, CertificateSet } = await import("../certs/certificate-set.ts");
    const rows = (await new CertificateSet(directoryOf(flags)).list()).map(
      ({ role, certificate }) => [
        role,
        new Date(certificate.validTo).toISOString().slice(0, 10),
        alternativeNames(certificate).join(","),
      ],
    );
    const width = Math.max(...rows.map(([role]) => role!.length), 11) + 3;
    for (const [role = "", until = "", names = ""] of [
      ["CERTIFICATE", "EXPIRES", "NAMES"],
      ...rows,
    ])
      terminal.print(`${role.padEnd(width)}${until.padEnd(13)}${names}`.trimEnd());
  },
};

import type { Command } from "../command.ts";
import { daysFlag, daysOf, directoryFlag, directoryOf } from "../certs/flags.ts";

export const command: Command = {
  usage: "[OPTIONS] NAME",
  minimum: 1,
  maximum: 1,
  description: "Prints the folder with ca.pem, cert.pem and key.pem, for DOCKER_CERT_PATH.",
  flags: [daysFlag, directoryFlag],
  examples: [{ what: "A certificate for one more person", line: "duet certs client anna" }],
  async run({ flags, words, terminal }) {
    const { CertificateSet } = await import("../certs/certificate-set.ts");
    const certificates = new CertificateSet(directoryOf(flags));
    terminal.print(await certificates.addClient(words[0]!, daysOf(flags)));
  },
};

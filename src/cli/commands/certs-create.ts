import type { Command } from "../command.ts";
import { daysFlag, daysOf, directoryFlag, directoryOf } from "../certs/flags.ts";

export const command: Command = {
  usage: "[OPTIONS]",
  minimum: 0,
  maximum: 0,
  description:
    "Makes an authority, the daemon's certificate and one client's, so that the API can be served over TCP to clients that prove who they are.",
  flags: [
    {
      name: "name",
      kind: "list",
      summary:
        "Name or address by which clients reach this host (its own name and loopback are included)",
    },
    { name: "client", kind: "string", default: "client", summary: "Name of the client" },
    daysFlag,
    directoryFlag,
  ],
  examples: [
    {
      what: "For clients that call this host by name and by address",
      line: "duet certs create --name build.example.com --name 192.0.2.7",
    },
  ],
  async run({ flags, terminal }) {
    const { CertificateSet } = await import("../certs/certificate-set.ts");
    const certificates = new CertificateSet(directoryOf(flags));
    const client = flags.string("client")!;
    await certificates.create(flags.list("name"), client, daysOf(flags));
    terminal.print(certificates.folder);
    terminal.warn(
      [
        "The daemon serves TCP with these keys in /etc/duet/config.json:",
        '  "hosts": ["unix:///run/duet/docker.sock", "tcp://0.0.0.0:2376"], "tlsverify": true',
        `Give ${certificates.clients}/${client} to the client, who then runs:`,
        "  DOCKER_HOST=tcp://THIS-HOST:2376 DOCKER_TLS_VERIFY=1 DOCKER_CERT_PATH=FOLDER docker version",
        "Whoever holds it is as good as root here.",
      ].join("\n"),
    );
  },
};

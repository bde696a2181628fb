import type { Command } from "../command.ts";
import { containerDisk } from "../disk-wrap.ts";

export const command: Command = {
  usage: "[OPTIONS] DISK REPOSITORY[:TAG]",
  description:
    "The image has nothing but the disk, as /disk/NAME.qcow2 or .img: KubeVirt's containerDisk. It is pushed and pulled like any image, and run with --isolation=vm it boots. DISK is qcow2 or raw.",
  minimum: 2,
  maximum: 2,
  completes: ["files", "images"],
  flags: [
    {
      name: "message",
      short: "m",
      kind: "string",
      summary: "Set commit message for the image",
    },
    {
      name: "platform",
      kind: "string",
      summary: "Platform that the disk is for (default: the daemon's)",
    },
  ],
  examples: [
    {
      what: "A disk on its way to a cluster",
      line: "duet image wrap-disk web.qcow2 registry.example.com/web-disk:1 && duet push registry.example.com/web-disk:1",
    },
    {
      what: "A machine that boots it",
      line: "duet run -d --isolation=vm -p 8080:80 registry.example.com/web-disk:1",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const [disk = "", reference = ""] = words;
    const events = duet().images.import(
      {
        source: "-",
        reference,
        changes: [],
        message: flags.string("message") ?? "A disk of a virtual machine",
        platform: flags.string("platform"),
        body: await containerDisk(disk),
      },
      signal,
    );
    for await (const event of events) if (event.status !== undefined) terminal.print(event.status);
  },
};

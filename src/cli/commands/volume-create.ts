import { compact } from "../../client/container-options.ts";
import type { VolumeCreateBody } from "../../client/api-types.ts";
import type { Command } from "../command.ts";
import { keyValues } from "../container/key-values.ts";

export const command: Command = {
  usage: "[OPTIONS] [VOLUME]",
  minimum: 0,
  maximum: 1,
  flags: [
    {
      name: "driver",
      short: "d",
      kind: "string",
      default: "local",
      summary: "Specify volume driver name",
    },
    { name: "label", kind: "list", summary: "Set metadata for a volume" },
    { name: "opt", short: "o", kind: "list", value: "map", summary: "Set driver specific options" },
    { name: "name", kind: "string", summary: "Specify volume name", hidden: true },
  ],
  examples: [
    { what: "A named volume, for containers and VMs alike", line: "duet volume create data" },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const body = compact<VolumeCreateBody>({
      Name: words[0] ?? flags.string("name"),
      Driver: flags.string("driver"),
      DriverOpts: keyValues(flags.list("opt")),
      Labels: keyValues(flags.list("label")),
    });
    terminal.print((await duet().volumes.create(body, signal)).Name);
  },
};

import type { Command } from "../command.ts";
import { openInput } from "../input-file.ts";
import { changeFlag, importMessageFlag } from "../new-image-flags.ts";

export const command: Command = {
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  minimum: 1,
  maximum: 2,
  completes: ["files", "images"],
  flags: [
    changeFlag,
    importMessageFlag,
    {
      name: "platform",
      kind: "string",
      summary: "Set platform if server is multi-platform capable",
    },
  ],
  examples: [
    {
      what: "A file system as an image with a command",
      line: "duet import -c 'CMD [\"/bin/sh\"]' rootfs.tar mine:1",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const [source = "", reference] = words;
    const remote = /^https?:\/\//.test(source);
    const open = async (): Promise<AsyncIterable<Uint8Array>> =>
      source === "-" ? terminal.input : await openInput(source);
    const events = duet().images.import(
      {
        source: remote ? source : "-",
        reference,
        changes: flags.list("change"),
        message: flags.string("message"),
        platform: flags.string("platform"),
        ...(remote ? {} : { body: await open() }),
      },
      signal,
    );
    for await (const event of events) if (event.status !== undefined) terminal.print(event.status);
  },
};

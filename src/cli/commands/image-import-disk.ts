import type { Command } from "../command.ts";
import { openInput } from "../input-file.ts";
import { changeFlag, importMessageFlag } from "../new-image-flags.ts";

export const command: Command = {
  usage: "[OPTIONS] DISK|- [REPOSITORY[:TAG]]",
  description:
    "The root file system of the disk becomes an image of one layer, its command the init that it has. DISK is raw, qcow2, VMDK, VDI or OVA, with GPT, MBR or no partitions, of ext4, xfs or btrfs; it is read in a virtual machine, never by this host's kernel.",
  minimum: 1,
  maximum: 2,
  completes: ["files", "images"],
  flags: [
    {
      name: "format",
      kind: "string",
      summary: "Format of the disk (default: what its beginning says)",
      completes: ["raw", "qcow2", "vmdk", "vdi", "ova"],
    },
    {
      name: "partition",
      kind: "integer",
      summary: "Number of the root's partition (default: the one that looks like a root)",
    },
    changeFlag,
    importMessageFlag,
  ],
  examples: [
    {
      what: "A cloud image as a container's",
      line: "duet image import-disk debian.qcow2 debian:vm",
    },
    {
      what: "An appliance, with another command",
      line: "duet image import-disk -c 'CMD [\"/usr/sbin/nginx\"]' web.ova web",
    },
  ],
  async run({ flags, words, duet, terminal, signal }) {
    const [source = "", reference] = words;
    const disk = source === "-" ? terminal.input : await openInput(source);
    const { id } = await duet().disks.import(
      disk as AsyncIterable<Uint8Array>,
      {
        reference,
        format: flags.string("format"),
        partition: flags.integer("partition"),
        changes: flags.list("change"),
        message: flags.string("message"),
      },
      signal,
    );
    terminal.print(id);
  },
};

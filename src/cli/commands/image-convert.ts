import { readFileSync } from "node:fs";
import { writeSparseFrames } from "../../kit/sparse-frames.ts";
import type { ConvertBody, ConvertNetwork } from "../../spec/duet/disks.ts";
import type { Command } from "../command.ts";
import { environmentOf } from "../container/key-values.ts";
import { usageError, type Flags } from "../flags.ts";
import { unreadable } from "../input-file.ts";
import { writeFileWith, writeStreamTo } from "../output-file.ts";

const formats = ["raw", "qcow2", "vmdk", "vdi", "ova"] as const;

export const command: Command = {
  usage: "[OPTIONS] IMAGE FILE|- [COMMAND] [ARG...]",
  description:
    "The disk has a kernel, a boot loader for BIOS and UEFI, and an init that runs the image's command and powers off after it. The ending of FILE says the format: .raw or .img, .qcow2, .vmdk, .vdi or .ova.",
  minimum: 2,
  stopsAtPositional: true,
  completes: ["images", "files"],
  flags: [
    {
      name: "format",
      kind: "string",
      summary: "Format of the disk, where FILE's ending does not say it",
      completes: formats,
    },
    { name: "size", kind: "bytes", summary: "Size of the disk (default: the image and 1 GiB)" },
    {
      name: "network",
      kind: "string",
      summary: "dhcp, none, or an address with its prefix (default dhcp)",
      value: "NETWORK",
    },
    { name: "gateway", kind: "string", summary: "Way out, with an address in --network" },
    { name: "dns", kind: "list", summary: "Name server, with an address in --network" },
    { name: "hostname", kind: "string", summary: "Name of the machine (default: the image's)" },
    {
      name: "ssh-key",
      kind: "list",
      summary: "Public key for root, and start the image's ssh server",
      completes: "files",
    },
    { name: "env", short: "e", kind: "list", summary: "Set environment variables" },
    { name: "user", short: "u", kind: "string", summary: "Username or UID of the command" },
    { name: "workdir", short: "w", kind: "string", summary: "Working directory of the command" },
    { name: "entrypoint", kind: "string", summary: "Overwrite the ENTRYPOINT of the image" },
    { name: "kernel", kind: "string", summary: "Release of a kernel on the daemon's host" },
  ],
  examples: [
    { what: "A disk for QEMU", line: "duet image convert nginx web.qcow2" },
    {
      what: "An appliance for VirtualBox and VMware",
      line: "duet image convert --hostname web --size 8g nginx web.ova",
    },
    {
      what: "Another command, a fixed address",
      line: "duet image convert --network 192.0.2.7/24 --gateway 192.0.2.1 busybox box.qcow2 httpd -f",
    },
  ],
  async run(context) {
    const { flags, words, signal } = context;
    const [image = "", file = "", ...rest] = words;
    const format = formatOf(flags.string("format"), file);
    const body = bodyOf(flags, format, rest);
    const sparse = format === "raw" && file !== "-";
    const disk = context.duet().disks.convert(image, body, { sparse }, signal);
    if (sparse) await writeFileWith(file, (handle) => writeSparseFrames(handle, disk));
    else await writeStreamTo(context, file === "-" ? undefined : file, disk);
  },
};

function formatOf(named: string | undefined, file: string): ConvertBody["format"] {
  const ending = /\.([A-Za-z0-9]+)$/.exec(file)?.[1]?.toLowerCase();
  const wanted = named ?? (ending === "img" ? "raw" : ending);
  const format = formats.find((one) => one === wanted);
  if (format !== undefined) return format;
  throw usageError(
    "DISK_FORMAT",
    named === undefined
      ? `the name of the file says no format · ${file}`
      : `not a format of disks: ${named}`,
    `end it in .${formats.join(", .")}, or name one of them with --format`,
  );
}

function bodyOf(flags: Flags, format: ConvertBody["format"], rest: readonly string[]): ConvertBody {
  const entrypoint = flags.string("entrypoint");
  const keys = flags.list("ssh-key").map(readKey);
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  return {
    format,
    network: networkOf(flags),
    env: environmentOf(flags.list("env"), []),
    size: flags.bytes("size"),
    hostname: flags.string("hostname"),
    kernel: flags.string("kernel"),
    user: flags.string("user"),
    workingDirectory: flags.string("workdir"),
    sshKeys: keys.length === 0 ? undefined : keys.join("\n"),
    entrypoint: entrypoint === undefined ? undefined : [entrypoint],
    command: rest.length === 0 ? undefined : rest,
    epoch: epoch !== undefined && /^\d{1,12}$/.test(epoch) ? Number(epoch) : undefined,
  };
}

function networkOf(flags: Flags): ConvertNetwork {
  const word = flags.string("network") ?? "dhcp";
  const gateway = flags.string("gateway");
  const nameservers = flags.list("dns");
  if (word === "dhcp" || word === "none") {
    if (gateway === undefined && nameservers.length === 0) return { kind: word };
    throw usageError("NETWORK_FLAGS", "--gateway and --dns go with an address in --network");
  }
  return { kind: "static", address: word, gateway, nameservers };
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    throw unreadable(path, error);
  }
}

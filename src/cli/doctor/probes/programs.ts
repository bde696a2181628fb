import { fail, ok, type Finding, type Host, type Probe } from "../finding.ts";

interface Program {
  readonly name: string;
  readonly args: readonly string[];
  readonly packageName: string;
  readonly why: string;
}

const emulator = process.arch === "arm64" ? "qemu-system-aarch64" : "qemu-system-x86_64";
const emulatorPackage = process.arch === "arm64" ? "qemu-system-arm" : "qemu-system-x86";

const programs: readonly Program[] = [
  { name: "nft", args: ["--version"], packageName: "nftables", why: "ports cannot be published" },
  { name: "ip", args: ["-V"], packageName: "iproute2", why: "there are no networks" },
  {
    name: emulator,
    args: ["--version"],
    packageName: emulatorPackage,
    why: "there are no virtual machines",
  },
  {
    name: "qemu-img",
    args: ["--version"],
    packageName: "qemu-utils",
    why: "there are no virtual machines",
  },
  {
    name: "mke2fs",
    args: ["-V"],
    packageName: "e2fsprogs",
    why: "an image cannot be made the disk of a virtual machine",
  },
];

/** The host's programs that Duet drives, with their versions. */
export const hostPrograms: Probe = {
  name: "program",
  run: (host) => Promise.all(programs.map((program) => look(host, program))),
};

async function look(host: Host, program: Program): Promise<Finding> {
  const output = await host.output(program.name, ...program.args);
  if (output !== undefined) {
    const version = /\d+\.\d+(?:\.\d+)?/.exec(output)?.[0] ?? "";
    return ok("program", `${program.name} ${version}`.trim());
  }
  return fail(
    "program",
    `there is no ${program.name}`,
    program.why,
    `install the package ${program.packageName}, or run \`npm run setup\``,
  );
}

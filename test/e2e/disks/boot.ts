import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";

const firmwareFolder = "/usr/share/OVMF";
const deadline = 600_000;

/** How a machine shows the disk to its guest, and what boots it. */
export interface BootPlan {
  readonly disk: string;
  readonly format: string;
  readonly bus: "virtio" | "sata" | "nvme" | "scsi";
  /** `secure` is UEFI with Secure Boot, and Microsoft's keys. */
  readonly firmware: "bios" | "uefi" | "secure";
  readonly card: string;
  /** Typed once the machine prints `when`. */
  readonly type?: { readonly when: string; readonly text: string };
  /** A command of QEMU's monitor, given once the machine prints `when`. */
  readonly monitor?: { readonly when: string; readonly command: string };
}

const devices: Readonly<Record<BootPlan["bus"], readonly string[]>> = {
  virtio: ["-device", "virtio-blk-pci,drive=disk"],
  sata: ["-device", "ide-hd,drive=disk"],
  nvme: ["-device", "nvme,drive=disk,serial=1"],
  scsi: ["-device", "pvscsi,id=scsi", "-device", "scsi-hd,bus=scsi.0,drive=disk"],
};

/** Boots a disk in plain QEMU until it powers off; gives what it printed. The disk stays as it is. */
export async function boot(plan: BootPlan, folder: string): Promise<string> {
  const firmware = plan.firmware === "bios" ? [] : await uefi(folder, plan.firmware === "secure");
  const drive = `file=${plan.disk},format=${plan.format},if=none,id=disk,snapshot=on`;
  const child = spawn(
    "qemu-system-x86_64",
    [
      ...["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "512"],
      ...["-nodefaults", "-display", "none", "-vga", "std", "-no-reboot"],
      ...["-chardev", "stdio,id=console,mux=on", "-serial", "chardev:console"],
      ...["-mon", "chardev=console"],
      ...["-drive", drive, ...devices[plan.bus], ...firmware],
      ...["-netdev", "user,id=net,restrict=on", "-device", `${plan.card},netdev=net`],
    ],
    {
      stdio: ["pipe", "pipe", "inherit"],
      signal: AbortSignal.timeout(deadline),
      killSignal: "SIGKILL",
    },
  );
  let printed = "";
  let isTyped = false;
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    printed += piece;
    if (!isTyped && plan.type !== undefined && printed.includes(plan.type.when)) {
      isTyped = true;
      child.stdin.write(plan.type.text);
    }
    if (!isTyped && plan.monitor !== undefined && printed.includes(plan.monitor.when)) {
      isTyped = true;
      /* Ctrl-A c leads from the console to the monitor and back (qemu(1), "Keys in the character backend multiplexer"). */
      child.stdin.write(`\u0001c${plan.monitor.command}\n\u0001c`);
    }
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code === 0) return printed.replaceAll("\r", "");
  throw new Error(`QEMU ended with ${code}: ${printed.slice(-3_000)}`);
}

async function uefi(folder: string, isSecure: boolean): Promise<readonly string[]> {
  const kind = isSecure ? "4M.ms" : "4M";
  const variables = join(folder, "variables.fd");
  await copyFile(join(firmwareFolder, `OVMF_VARS_${kind}.fd`), variables);
  const code = join(firmwareFolder, `OVMF_CODE_${kind}.fd`);
  /* Only the firmware itself, in system management mode, may write its variables. */
  const guarded = ["-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on"];
  return [
    ...(isSecure ? guarded : []),
    ...["-drive", `if=pflash,format=raw,readonly=on,file=${code}`],
    ...["-drive", `if=pflash,format=raw,file=${variables}`],
  ];
}

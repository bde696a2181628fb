import { access, readFile, stat } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { withDeadline } from "../../kit/abort.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { run } from "../../kit/subprocess.ts";
import type { QemuProgram } from "./host.ts";
import type { GuestKernel } from "./kernel.ts";

export interface KvmVerdict {
  readonly usable: boolean;
  /** One sentence for people. */
  readonly reason: string;
}

/** With KVM the probe takes under two seconds; without progress it never ends. */
const probeMilliseconds = 8_000;
/** A guest without progress burns a whole core: it must end also when this daemon is killed before it. */
const bounded = ["--signal=KILL", `${probeMilliseconds / 1_000 + 2}`];
const device = "/dev/kvm";

interface ProbeRequest {
  readonly qemu: QemuProgram;
  readonly kernel: GuestKernel;
  /** Folder in which the verdict is remembered. */
  readonly directory: string;
}

/** The remembered verdict for this host kernel and QEMU; undefined where none was reached yet. */
export async function rememberedKvm(
  request: Pick<ProbeRequest, "qemu" | "directory">,
): Promise<KvmVerdict | undefined> {
  if (!(await canOpen())) return { usable: false, reason: "this host has no /dev/kvm" };
  try {
    const text = await readFile(join(request.directory, "kvm.json"), "utf8");
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== "object" || parsed === null) return undefined;
    if (!("key" in parsed) || parsed.key !== keyOf(request.qemu)) return undefined;
    if (!("usable" in parsed) || !("reason" in parsed)) return undefined;
    return { usable: parsed.usable === true, reason: String(parsed.reason) };
  } catch {
    return undefined;
  }
}

/**
 * Whether KVM really runs a guest. A /dev/kvm that opens is no proof: on some hosts it takes the VM
 * and an unmodified kernel never makes progress. So a kernel is booted with nothing to run: it panics
 * for want of an init and, with `panic=-1` and `-no-reboot`, ends QEMU. The verdict is remembered.
 */
export async function probeKvm(request: ProbeRequest, signal: AbortSignal): Promise<KvmVerdict> {
  const remembered = await rememberedKvm(request);
  if (remembered !== undefined) return remembered;
  const verdict = await boot(request, signal);
  const record = JSON.stringify({ key: keyOf(request.qemu), ...verdict });
  await writeFileAtomic(join(request.directory, "kvm.json"), record);
  return verdict;
}

async function boot(request: ProbeRequest, signal: AbortSignal): Promise<KvmVerdict> {
  const options = [
    ...[
      "-nodefaults",
      "-no-user-config",
      "-no-reboot",
      "-display",
      "none",
      "-machine",
      "q35",
      "-accel",
      "kvm",
    ],
    ...["-cpu", "host", "-m", "256", "-kernel", request.kernel.image, "-append", "panic=-1 quiet"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
  ];
  try {
    const until = withDeadline(signal, probeMilliseconds, "the KVM probe");
    await run("timeout", [...bounded, request.qemu.path, ...options], { signal: until });
    return { usable: true, reason: "a test guest ran under KVM" };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message : String(error);
    return {
      usable: false,
      reason: `a test guest made no progress under KVM: ${why.slice(0, 200)}`,
    };
  }
}

function keyOf(qemu: QemuProgram): string {
  return `${release()} ${qemu.version} ${qemu.stamp}`;
}

/**
 * The group by which a user without privileges may use KVM (Debian's mode is 0660, group kvm); undefined
 * where everyone may, or no group but root's.
 */
export async function kvmGroup(path = device): Promise<number | undefined> {
  const { mode, gid } = await stat(path);
  const everyone = (mode & 0o006) === 0o006;
  return everyone || (mode & 0o060) !== 0o060 || gid === 0 ? undefined : gid;
}

/**
 * What a guest's processor is made of under KVM, whose clones see the host's own: a template is of no
 * use on another processor, microcode or host kernel.
 */
export async function hostProcessor(): Promise<string> {
  const text = await readFile("/proc/cpuinfo", "utf8");
  const [first = ""] = text.split("\n\n");
  const lasting = first.split("\n").filter((line) => !/^(cpu MHz|bogomips|apicid)/.test(line));
  return `${release()} ${lasting.join(" ")}`;
}

async function canOpen(): Promise<boolean> {
  return await access(device).then(
    () => true,
    () => false,
  );
}

import { access, readFile, stat } from "node:fs/promises";
import { release } from "node:os";
import { join } from "node:path";
import { withDeadline } from "../../kit/abort.ts";
import { writeFileAtomic } from "../../kit/atomic-file.ts";
import { run, type RunResult } from "../../kit/subprocess.ts";
import type { QemuProgram } from "./host.ts";
import type { GuestKernel } from "./kernel.ts";

export interface KvmVerdict {
  readonly usable: boolean;
  /** One sentence for people. */
  readonly reason: string;
}

/**
 * Seconds of a processor: the guest's kernel says its version within a fraction of the first, where there is progress
 * at all, and has ended after two. One that says nothing spins for ever.
 */
const firstSeconds = 3;
const progressSeconds = 10;
/** Also of a guest that neither ends nor computes, and of one that gets little of a busy host. */
const patienceSeconds = 60;
/** Exit code of what SIGKILL ends, as where its seconds are used up. */
const killed = 128 + 9;
const device = "/dev/kvm";

interface ProbeRequest {
  readonly qemu: QemuProgram;
  readonly kernel: GuestKernel;
  /** Folder in which the verdict is remembered. */
  readonly directory: string;
  /** /dev/kvm unless another is given. */
  readonly device?: string;
}

/** The remembered verdict for this host kernel and QEMU; undefined where none was reached yet. */
export async function rememberedKvm(
  request: Omit<ProbeRequest, "kernel">,
): Promise<KvmVerdict | undefined> {
  if (!(await canOpen(request.device ?? device)))
    return { usable: false, reason: "this host has no /dev/kvm" };
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
 * for want of an init and, with `panic=-1` and `-no-reboot`, ends QEMU. The verdict is remembered, unless it is only
 * that time ran out, since a busy host tells nothing, or that QEMU gave up by itself: somebody else may have the
 * processor's extensions just now, and asking again costs little.
 */
export async function probeKvm(request: ProbeRequest, signal: AbortSignal): Promise<KvmVerdict> {
  const remembered = await rememberedKvm(request);
  if (remembered !== undefined) return remembered;
  const { isLasting, ...verdict } = await reachVerdict(request, signal);
  const record = JSON.stringify({ key: keyOf(request.qemu), ...verdict });
  if (isLasting) await writeFileAtomic(join(request.directory, "kvm.json"), record);
  return verdict;
}

async function reachVerdict(
  request: ProbeRequest,
  signal: AbortSignal,
): Promise<KvmVerdict & { readonly isLasting: boolean }> {
  const until = withDeadline(signal, patienceSeconds * 1_000, "the KVM probe");
  const failed = "a test guest made no progress under KVM";
  try {
    let { code, stdout, stderr } = await boot(request, firstSeconds, until);
    if (code !== 0 && stdout.includes("Linux version"))
      ({ code, stdout, stderr } = await boot(request, progressSeconds, until));
    if (code === 0) return { usable: true, reason: "a test guest ran under KVM", isLasting: true };
    const why = stderr.trim().slice(-200) || "it computed, and got nowhere";
    return { usable: false, reason: `${failed}: ${why}`, isLasting: code === killed };
  } catch (error) {
    signal.throwIfAborted();
    const why = error instanceof Error ? error.message.slice(0, 200) : String(error);
    return { usable: false, reason: `${failed}: ${why}`, isLasting: false };
  }
}

/**
 * Gives way to whatever else runs, so it is `seconds` of a processor that count, not of the clock. A guest without
 * progress must end also when this daemon is killed before it.
 */
async function boot(
  { qemu, kernel }: ProbeRequest,
  seconds: number,
  signal: AbortSignal,
): Promise<RunResult> {
  const bounds = [
    ...["--signal=KILL", String(patienceSeconds + 2)],
    ...["nice", "-n", "19", "prlimit", `--cpu=${seconds}:${seconds}`],
  ];
  const options = [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"],
    ...["-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "256"],
    ...["-kernel", kernel.image, "-append", "panic=-1 loglevel=6 earlyprintk=serial,ttyS0,115200"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
  ];
  return await run("timeout", [...bounds, qemu.path, ...options], { signal, okCodes: "any" });
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

async function canOpen(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}

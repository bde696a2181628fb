import { randomBytes } from "node:crypto";
import type { Field, WorkloadLink } from "../../domain/shim.ts";
import { fieldTag, messageType } from "../../spec/workload.ts";
import { rehearsalProgram } from "./placeholder.ts";

const placeholderBytes = 16 << 20;

/**
 * Lets a fresh VM start and end a process once, as a workload's start will, and forget it. Emulation
 * translates code when it is first met; after this the code of a start has been met.
 */
export async function rehearse(link: WorkloadLink, signal: AbortSignal): Promise<void> {
  const disk: Field[] = [
    [fieldTag.size, placeholderBytes],
    [fieldTag.fileSystem, "ext4"],
  ];
  const hosts: Field[] = [
    [fieldTag.path, "/etc/hosts"],
    [fieldTag.content, Buffer.from("127.0.0.1 localhost\n")],
  ];
  const fields: Field[] = [
    [fieldTag.rehearsal, 1],
    [fieldTag.entropy, randomBytes(64)],
    [fieldTag.clock, BigInt(Date.now()) * 1_000_000n],
    [fieldTag.hostname, "rehearsal"],
    [fieldTag.pidsLimit, 4096],
    [fieldTag.disk, disk],
    [fieldTag.file, hosts],
    [fieldTag.argument, rehearsalProgram],
    [fieldTag.argument, "--rehearse"],
    [fieldTag.environment, "PATH=/bin"],
    [fieldTag.directory, "/"],
  ];
  await link.request(messageType.setup, fields, signal);
}

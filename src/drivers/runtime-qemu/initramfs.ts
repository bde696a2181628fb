import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { cpio, type CpioEntry } from "../../kit/cpio.ts";
import { readModule } from "../../kit/kernel-modules.ts";
import { guestModules, type GuestKernel } from "./kernel.ts";

const directory = 0o040755;
const program = 0o100755;
const data = 0o100644;

/** What a guest boots into: the agent as `/init` and the modules that it loads, named in their order. */
export interface Initramfs {
  readonly content: Buffer;
  /** Hexadecimal sha256 of the content. */
  readonly digest: string;
}

export async function buildInitramfs(
  kernel: GuestKernel,
  agentPath: string,
  more: readonly string[],
  signal: AbortSignal,
): Promise<Initramfs> {
  const entries: CpioEntry[] = ["dev", "proc", "sys", "run", "modules"].map((path) => ({
    path,
    mode: directory,
  }));
  entries.push({ path: "init", mode: program, content: await readFile(agentPath) });
  const modules = await guestModules(kernel, more);
  for (const [index, path] of modules.entries()) {
    const name = `${String(index).padStart(3, "0")}-${basename(path).replace(/\.(xz|zst|gz)$/, "")}`;
    entries.push({ path: `modules/${name}`, mode: data, content: await readModule(path, signal) });
  }
  const content = cpio(entries);
  return { content, digest: createHash("sha256").update(content).digest("hex") };
}

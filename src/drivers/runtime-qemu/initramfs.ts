import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { run } from "../../kit/subprocess.ts";
import { cpio, type CpioEntry } from "./cpio.ts";
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
  signal: AbortSignal,
): Promise<Initramfs> {
  const entries: CpioEntry[] = ["dev", "proc", "sys", "run", "modules"].map((path) => ({
    path,
    mode: directory,
  }));
  entries.push({ path: "init", mode: program, content: await readFile(agentPath) });
  const modules = await guestModules(kernel);
  for (const [index, path] of modules.entries()) {
    const name = `${String(index).padStart(3, "0")}-${basename(path).replace(/\.(xz|zst|gz)$/, "")}`;
    entries.push({ path: `modules/${name}`, mode: data, content: await readModule(path, signal) });
  }
  const content = cpio(entries);
  return { content, digest: createHash("sha256").update(content).digest("hex") };
}

async function readModule(path: string, signal: AbortSignal): Promise<Buffer> {
  if (path.endsWith(".xz")) {
    return (await run("xz", ["-dc", "--", path], { signal, maxOutput: 64 << 20 })).stdout;
  }
  const content = await readFile(path);
  if (path.endsWith(".zst")) return zstdDecompressSync(content);
  return path.endsWith(".gz") ? gunzipSync(content) : content;
}
